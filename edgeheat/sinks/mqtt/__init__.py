"""The MQTT sink: publishes states, statistics and pictures to a broker that may be slow, frozen or unreachable."""

from edgeheat.sinks.mqtt.sink import MqttSink
from edgeheat.sinks.mqtt.topic_registry import TopicRegistry, topics_of

__all__ = ["MqttSink", "TopicRegistry", "topics_of"]
