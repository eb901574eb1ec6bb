"""The messages of the gRPC service ``inference.GRPCInferenceService``.

Field names and numbers are those of the Open Inference Protocol. The classes are built
from the table below on first use, in a descriptor pool of their own. Generated code
would register the same names in the process-wide pool, so a script that imports another
V2 client would fail; and it would require one version of protobuf.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

SERVICE = "inference.GRPCInferenceService"
METHODS = (
    "ServerLive",
    "ServerReady",
    "ModelReady",
    "ServerMetadata",
    "ModelMetadata",
    "ModelInfer",
)
"""Each takes a ``<method>Request`` and returns a ``<method>Response``."""

MESSAGES: Mapping[str, str] = {
    "ServerLiveRequest": "",
    "ServerLiveResponse": "bool live",
    "ServerReadyRequest": "",
    "ServerReadyResponse": "bool ready",
    "ModelReadyRequest": "string name, string version",
    "ModelReadyResponse": "bool ready",
    "ServerMetadataRequest": "",
    "ServerMetadataResponse": "string name, string version, string* extensions",
    "ModelMetadataRequest": "string name, string version",
    "ModelMetadataResponse.TensorMetadata": (
        "string name, string datatype, int64* shape"
    ),
    "ModelMetadataResponse": (
        "string name, string* versions, string platform, "
        "ModelMetadataResponse.TensorMetadata* inputs, "
        "ModelMetadataResponse.TensorMetadata* outputs"
    ),
    "InferParameter": (
        "bool|bool_param, int64|int64_param, string|string_param, "
        "double|double_param, uint64|uint64_param"
    ),
    "InferTensorContents": (
        "bool* bool_contents, int32* int_contents, int64* int64_contents, "
        "uint32* uint_contents, uint64* uint64_contents, float* fp32_contents, "
        "double* fp64_contents, bytes* bytes_contents"
    ),
    "ModelInferRequest.InferInputTensor": (
        "string name, string datatype, int64* shape, InferParameter% parameters, "
        "InferTensorContents contents"
    ),
    "ModelInferRequest.InferRequestedOutputTensor": (
        "string name, InferParameter% parameters"
    ),
    "ModelInferRequest": (
        "string model_name, string model_version, string id, "
        "InferParameter% parameters, ModelInferRequest.InferInputTensor* inputs, "
        "ModelInferRequest.InferRequestedOutputTensor* outputs, "
        "bytes* raw_input_contents"
    ),
    "ModelInferResponse.InferOutputTensor": (
        "string name, string datatype, int64* shape, InferParameter% parameters, "
        "InferTensorContents contents"
    ),
    "ModelInferResponse": (
        "string model_name, string model_version, string id, "
        "InferParameter% parameters, ModelInferResponse.InferOutputTensor* outputs, "
        "bytes* raw_output_contents"
    ),
}
"""Fields in the order of their numbers, from 1. ``*`` marks a repeated field, ``%`` a
map with string keys, ``|`` an alternative of a oneof."""

CONTENTS: Mapping[str, str] = {
    "BOOL": "bool_contents",
    **dict.fromkeys(("INT8", "INT16", "INT32"), "int_contents"),
    "INT64": "int64_contents",
    **dict.fromkeys(("UINT8", "UINT16", "UINT32"), "uint_contents"),
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}
"""The field for the elements of each datatype; others are sent as raw bytes only."""

_SCALARS = frozenset(
    ["bool", "bytes", "double", "float", "int32", "int64", "string", "uint32", "uint64"]
)


@cache
def message_class(name: str) -> Any:
    """Return the class of the message *name* (``ModelInferRequest``)."""
    from google.protobuf import message_factory  # noqa: PLC0415 - optional

    found = _pool().FindMessageTypeByName(f"inference.{name}")
    return message_factory.GetMessageClass(found)


@cache
def _pool() -> Any:
    from google.protobuf import descriptor_pb2, descriptor_pool  # noqa: PLC0415 - as above

    file = descriptor_pb2.FileDescriptorProto(
        name="hopsartifacts/open_inference.proto", package="inference", syntax="proto3"
    )
    made: dict[str, Any] = {}
    # Outer messages first; in the table they follow the messages they contain.
    for name in sorted(MESSAGES, key=lambda name: name.count(".")):
        outer, _, inner = name.rpartition(".")
        holder = made[outer].nested_type if outer else file.message_type
        made[name] = holder.add(name=inner)
    for name, fields in MESSAGES.items():
        for number, (kind, mark, field) in enumerate(_fields(fields), start=1):
            _add_field(made[name], name, number, kind, mark, field)
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return pool


def _fields(text: str) -> Iterator[tuple[str, str, str]]:
    for field in filter(None, text.split(", ")):
        mark = next((mark for mark in "*%|" if mark in field), " ")
        kind, _, name = field.partition(mark)
        yield kind, mark, name.strip()


def _add_field(
    message: Any, owner: str, number: int, kind: str, mark: str, name: str
) -> None:
    field = message.field.add(name=name, number=number)
    field.label = field.LABEL_REPEATED if mark in "*%" else field.LABEL_OPTIONAL
    if mark == "%":
        entry = message.nested_type.add(name=f"{name.capitalize()}Entry")
        entry.options.map_entry = True
        _add_field(entry, owner, 1, "string", " ", "key")
        _add_field(entry, owner, 2, kind, " ", "value")
        kind = f"{owner}.{entry.name}"
    if mark == "|":
        if not message.oneof_decl:
            message.oneof_decl.add(name="parameter_choice")
        field.oneof_index = 0
    if kind in _SCALARS:
        field.type = getattr(field, f"TYPE_{kind.upper()}")
    else:
        field.type = field.TYPE_MESSAGE
        field.type_name = f".inference.{kind}"
