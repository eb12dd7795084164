"""The MQTT sink: states, figures and pictures to a broker that may be slow, full, frozen or gone."""

from edgeheat.sinks.mqtt.announced import Announced, topics_of
from edgeheat.sinks.mqtt.connection import MqttSettings
from edgeheat.sinks.mqtt.sink import MqttSink

__all__ = ["Announced", "MqttSettings", "MqttSink", "topics_of"]
