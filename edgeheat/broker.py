"""The broker of the configuration as the MQTT sink takes it: the daemon and the doctor log in alike."""

from __future__ import annotations

from edgeheat.config import Config
from edgeheat.sinks.mqtt import MqttSettings


def mqtt_settings(config: Config) -> MqttSettings:
    """Return which broker `config` names, and who logs in there."""
    mqtt = config.mqtt
    return MqttSettings(
        host=mqtt.host,
        port=mqtt.port,
        site=config.site.name,
        prefix=mqtt.prefix,
        username=mqtt.username or None,
        password=mqtt.password.get_secret_value() or None,
        client_id=mqtt.client_id or f"edgeheat-{config.site.name}",
        keepalive_s=round(mqtt.keepalive_s),
        tls=mqtt.tls,
        ca_file=mqtt.ca_file or None,
        cert_file=mqtt.cert_file or None,
        key_file=mqtt.key_file or None,
    )
