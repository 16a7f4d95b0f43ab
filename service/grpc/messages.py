"""The messages of both services, made at start of a description of them: no code is generated.

They are in a pool of their own. Of the default one there is one a process, in which a client's
messages of the same names could not stand beside these.
"""

from __future__ import annotations

import re
from collections.abc import Container
from typing import Any

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
)
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClassesForFiles

__all__ = ["HEALTH_SERVICE", "INFERENCE_SERVICE", "Messages", "health", "inference"]

INFERENCE_SERVICE = "inference.GRPCInferenceService"
HEALTH_SERVICE = "grpc.health.v1.Health"

# Each message, and its fields as a .proto would have them. Those that are alternatives stand
# behind a `|`; Triton's messages have further ones, which are passed over when they are read.
_INFERENCE = {
    "InferParameter": """
        | bool bool_param = 1; | int64 int64_param = 2; | string string_param = 3;
        | double double_param = 4; | uint64 uint64_param = 5
        """,
    "InferTensorContents": """
        repeated bool bool_contents = 1; repeated int32 int_contents = 2;
        repeated int64 int64_contents = 3; repeated uint32 uint_contents = 4;
        repeated uint64 uint64_contents = 5; repeated float fp32_contents = 6;
        repeated double fp64_contents = 7; repeated bytes bytes_contents = 8
        """,
    "ServerLiveRequest": "",
    "ServerLiveResponse": "bool live = 1",
    "ServerReadyRequest": "",
    "ServerReadyResponse": "bool ready = 1",
    "ModelReadyRequest": "string name = 1; string version = 2",
    "ModelReadyResponse": "bool ready = 1",
    "ServerMetadataRequest": "",
    "ServerMetadataResponse": "string name = 1; string version = 2; repeated string extensions = 3",
    "ModelMetadataRequest": "string name = 1; string version = 2",
    "ModelMetadataResponse": """
        string name = 1; repeated string versions = 2; string platform = 3;
        repeated TensorMetadata inputs = 4; repeated TensorMetadata outputs = 5
        """,
    "ModelMetadataResponse.TensorMetadata": """
        string name = 1; string datatype = 2; repeated int64 shape = 3
        """,
    "RepositoryIndexRequest": "string repository_name = 1; bool ready = 2",
    "RepositoryIndexResponse": "repeated ModelIndex models = 1",
    "RepositoryIndexResponse.ModelIndex": """
        string name = 1; string version = 2; string state = 3; string reason = 4
        """,
    "ModelInferRequest": """
        string model_name = 1; string model_version = 2; string id = 3;
        map InferParameter parameters = 4; repeated InferInputTensor inputs = 5;
        repeated InferRequestedOutputTensor outputs = 6; repeated bytes raw_input_contents = 7
        """,
    "ModelInferRequest.InferInputTensor": """
        string name = 1; string datatype = 2; repeated int64 shape = 3;
        map InferParameter parameters = 4; InferTensorContents contents = 5
        """,
    "ModelInferRequest.InferRequestedOutputTensor": """
        string name = 1; map InferParameter parameters = 2
        """,
    "ModelInferResponse": """
        string model_name = 1; string model_version = 2; string id = 3;
        map InferParameter parameters = 4; repeated InferOutputTensor outputs = 5;
        repeated bytes raw_output_contents = 6
        """,
    "ModelInferResponse.InferOutputTensor": """
        string name = 1; string datatype = 2; repeated int64 shape = 3;
        map InferParameter parameters = 4; InferTensorContents contents = 5
        """,
}

# The status is an enumeration in the .proto, which has the same bytes as its number.
_HEALTH = {
    "HealthCheckRequest": "string service = 1",
    "HealthCheckResponse": "int32 status = 1",
}

_SINGULAR = FieldDescriptorProto.LABEL_OPTIONAL
_REPEATED = FieldDescriptorProto.LABEL_REPEATED
_MESSAGE = FieldDescriptorProto.TYPE_MESSAGE

_FIELD = re.compile(r"(\| )?(?:(repeated|map) )?(\w+) (\w+) = (\d+)")


class Messages:
    """The classes of some messages, by their names: ``messages["ServerLiveResponse"]``.

    Args:
        package: that they are in.
        described: the fields of each; those within another one stand behind it.

    """

    def __init__(self, package: str, described: dict[str, str]) -> None:
        self.package = package
        file = FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3")
        placed: dict[str, DescriptorProto] = {}
        for name, fields in described.items():
            outer, _, inner = name.rpartition(".")
            place = placed[outer].nested_type if outer else file.message_type
            placed[name] = place.add(name=inner)
            self._describe(placed[name], name, fields, described)
        pool = DescriptorPool()
        pool.Add(file)
        found = GetMessageClassesForFiles([file.name], pool)
        self._classes = {name.removeprefix(f"{package}."): one for name, one in found.items()}

    def __getitem__(self, name: str) -> Any:
        """The class of a message."""
        return self._classes[name]

    def _describe(
        self, message: DescriptorProto, name: str, fields: str, known: Container[str]
    ) -> None:
        for alternative, kind, type_name, field_name, number in _FIELD.findall(fields):
            field = message.field.add(name=field_name, number=int(number))
            field.label = _REPEATED if kind else _SINGULAR
            value = self._typed(name, type_name, known)
            if kind == "map":
                entry = _entry(message, field_name, value)
                value = {"type": _MESSAGE, "type_name": f".{self.package}.{name}.{entry}"}
            field.MergeFrom(FieldDescriptorProto(**value))
            if alternative:
                field.oneof_index = 0
        if "|" in fields:
            message.oneof_decl.add(name="choice")

    def _typed(self, within: str, name: str, known: Container[str]) -> dict[str, Any]:
        """The type of a field: a scalar, or one of the messages, those within its own first."""
        inner = f"{within}.{name}"
        whole = inner if inner in known else name
        if whole in known:
            return {"type": _MESSAGE, "type_name": f".{self.package}.{whole}"}
        return {"type": FieldDescriptorProto.Type.Value(f"TYPE_{name.upper()}")}


def _entry(message: DescriptorProto, field: str, value: dict[str, Any]) -> str:
    """Add what a map is a list of; its name."""
    name = f"{field.title()}Entry"
    entry = message.nested_type.add(name=name)
    entry.options.map_entry = True
    key = {"type": FieldDescriptorProto.TYPE_STRING}
    for number, (part, of) in enumerate((("key", key), ("value", value)), start=1):
        entry.field.add(name=part, number=number, label=_SINGULAR, **of)
    return name


inference = Messages("inference", _INFERENCE)
health = Messages("grpc.health.v1", _HEALTH)
