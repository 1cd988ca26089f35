"""Read models fed by the event topics, exactly once."""

from healthpay_kafka.projection.alarms import Alarm, AlarmKind, RaiseAlarm
from healthpay_kafka.projection.decoding import decode_event
from healthpay_kafka.projection.gate import Decode
from healthpay_kafka.projection.kafka_log import KafkaEventLog
from healthpay_kafka.projection.log import EventLog, LogLost
from healthpay_kafka.projection.projector import AfterCommit, Projector, TooManyParked
from healthpay_kafka.projection.rebuild import (
    RebuildProgress,
    RebuildRefused,
    rebuild,
)
from healthpay_kafka.projection.records import (
    Arrival,
    LogRecord,
    Partition,
    PoisonousEvent,
)
from healthpay_kafka.projection.runner import Lag, Projection
from healthpay_kafka.projection.view import (
    Parked,
    RebuildableView,
    View,
    ViewMoved,
    ViewTransaction,
)

__all__ = [
    "AfterCommit",
    "Alarm",
    "AlarmKind",
    "Arrival",
    "Decode",
    "EventLog",
    "KafkaEventLog",
    "Lag",
    "LogLost",
    "LogRecord",
    "Parked",
    "Partition",
    "PoisonousEvent",
    "Projection",
    "Projector",
    "RaiseAlarm",
    "RebuildProgress",
    "RebuildRefused",
    "RebuildableView",
    "TooManyParked",
    "View",
    "ViewMoved",
    "ViewTransaction",
    "decode_event",
    "rebuild",
]
