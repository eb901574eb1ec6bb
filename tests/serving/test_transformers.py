"""What transformers get and give, by every protocol that brings a request.

A transformer sees the protocol's own objects, as with KServe: a request before the
predictor, an answer behind it. What it returns is such an object, or the bare values.
"""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from hopsartifacts.serving.contract import Batching
from hopsartifacts.serving.runtime.app import InferCall
from hopsartifacts.serving.runtime.chain import Chain
from hopsartifacts.serving.runtime.grpc_messages import message_class
from hopsartifacts.serving.runtime.protocol import PredictCall
from hopsartifacts.serving.runtime.service import Exchange, PredictionCall, Service

grpc_server = pytest.importorskip(
    "hopsartifacts.serving.runtime.grpc_server", reason="needs grpcio"
)

ROWS = [[1.0, 2.0], [3.0, 4.0]]
FLAT = [1.0, 2.0, 3.0, 4.0]


class Script:
    """A predictor that remembers its rows and answers the sum of each."""

    def __init__(self, answer: Callable[[Any], Any] | None = None) -> None:
        self.rows: Any = None
        self._answer = answer or (lambda rows: [sum(row) for row in rows])

    def predict(self, inputs: Any) -> Any:
        self.rows = inputs
        return self._answer(inputs)


class Given:
    """A transformer made of two functions; remembers what it was given."""

    def __init__(self, before: Any = None, after: Any = None) -> None:
        self.body: Any = None
        self.answer: Any = None
        self._before, self._after = before, after
        for name, function in (("preprocess", before), ("postprocess", after)):
            if function is None:
                # A transformer without the method.
                vars(self)[name] = None

    def preprocess(self, inputs: Any) -> Any:
        self.body = json.loads(json.dumps(inputs))
        return self._before(inputs)

    def postprocess(self, outputs: Any) -> Any:
        self.answer = json.loads(json.dumps(outputs))
        return self._after(outputs)


class GivenAsync(Given):
    async def preprocess(self, inputs: Any) -> Any:
        await asyncio.sleep(0)
        return super().preprocess(inputs)

    async def postprocess(self, outputs: Any) -> Any:
        await asyncio.sleep(0)
        return super().postprocess(outputs)


def same(value: Any) -> Any:
    return value


def v1(**body: Any) -> PredictionCall:
    return PredictCall(json.dumps(body).encode())


def v2(
    data: Any = None, shape: tuple[int, ...] = (2, 2), **more: Any
) -> PredictionCall:
    data = FLAT if data is None else data
    tensor = {"name": "x", "shape": shape, "datatype": "FP64", "data": data}
    return InferCall("m", 7, json.dumps({"inputs": [tensor], **more}).encode())


def v2_binary() -> PredictionCall:
    memory = np.array(FLAT).tobytes()
    size = {"binary_data_size": len(memory)}
    tensor = {"name": "x", "shape": [2, 2], "datatype": "FP64", "parameters": size}
    header = json.dumps({"id": "r", "inputs": [tensor]}).encode()
    return InferCall("m", 7, header + memory, len(header))


def grpc_request() -> Any:
    request = message_class("ModelInferRequest")(model_name="m", id="r")
    contents = {"fp64_contents": FLAT}
    request.inputs.add(name="x", datatype="FP64", shape=[2, 2], contents=contents)
    return request


def grpc() -> PredictionCall:
    return grpc_server._InferCall("m", 7, grpc_request())  # type: ignore[no-any-return]


def grpc_raw() -> PredictionCall:
    request = grpc_request()
    request.inputs[0].ClearField("contents")
    request.raw_input_contents.append(np.array(FLAT).tobytes())
    return grpc_server._InferCall("m", 7, request)  # type: ignore[no-any-return]


BRINGERS: dict[str, Callable[[], PredictionCall]] = {
    "V2": lambda: v2(id="r"),
    "V2, nested": lambda: v2(ROWS, id="r"),
    "V2, binary": v2_binary,
    "gRPC": grpc,
    "gRPC, raw": grpc_raw,
}
"""One request, brought in every way of the V2 protocol."""


class Witness:
    def __init__(self) -> None:
        self.seen: list[Exchange] = []

    def see(self, exchange: Exchange) -> None:
        self.seen.append(exchange)


def ask(
    call: PredictionCall,
    script: Any,
    transformer: Any = None,
    batching: Batching | None = None,
) -> tuple[int, Any]:
    """Return the status and the answer as JSON."""
    witness = Witness()
    service = Service("m", 7, Chain(script, transformer, batching), [witness])
    status = asyncio.run(service.handle(call)).status
    return status, json.loads(witness.seen[0].answer)


@pytest.mark.parametrize("kind", [Given, GivenAsync])
@pytest.mark.parametrize("batching", [None, Batching()])
@pytest.mark.parametrize(
    "body",
    [
        {"instances": ROWS},
        {"inputs": ROWS},
        {"instances": ROWS, "signature_name": "s", "parameters": {"a": [1]}},
    ],
)
def test_in_v1_a_transformer_gets_the_body_as_it_was_sent(
    body: dict[str, Any], batching: Batching | None, kind: type[Given]
) -> None:
    script, transformer = Script(), kind(same, same)
    answer = ask(v1(**body), script, transformer, batching)
    assert answer == (200, {"predictions": [3.0, 7.0]})
    assert transformer.body == body
    assert script.rows == ROWS
    assert transformer.answer == {"predictions": [3.0, 7.0]}


@pytest.mark.parametrize(
    ("returned", "rows"),
    [
        ({"instances": [[5]]}, [[5]]),
        ({"inputs": [[5]], "note": 1}, [[5]]),
        ([[5]], [[5]]),
        ([{"a": 1}], [{"a": 1}]),
        ({"inputs": [{"features": [[5]], "ids": ["a"]}]}, "as returned"),
        ({"text": "a"}, {"text": "a"}),
        ({}, {}),
        ("a", "a"),
    ],
)
def test_in_v1_preprocess_returns_a_body_or_the_bare_rows(
    returned: Any, rows: Any
) -> None:
    script = Script(lambda _: [1])
    rows = returned["inputs"] if rows == "as returned" else rows
    answer = ask(v1(instances=ROWS), script, Given(lambda _: returned))
    assert answer == (200, {"predictions": [1]})
    assert script.rows == rows


@pytest.mark.parametrize(
    ("returned", "answer"),
    [
        ({"predictions": [1]}, {"predictions": [1]}),
        ({"predictions": [1], "note": "n"}, {"predictions": [1], "note": "n"}),
        ({"ranking": [["a", 0.5]]}, {"ranking": [["a", 0.5]]}),
        ({}, {}),
        ([1], {"predictions": [1]}),
        (1, {"predictions": 1}),
        (None, {"predictions": None}),
        (np.array([1, 2]), {"predictions": [1, 2]}),
        ({"predictions": np.array([1, 2])}, {"predictions": [1, 2]}),
    ],
)
def test_in_v1_postprocess_returns_the_whole_answer_or_bare_predictions(
    returned: Any, answer: Any
) -> None:
    transformer = Given(after=lambda _: returned)
    assert ask(v1(instances=ROWS), Script(), transformer) == (200, answer)


def test_in_v1_postprocess_gets_what_json_has() -> None:
    transformer = Given(after=same)
    script = Script(lambda _: {"scores": np.array([0.5]), "ids": ("a",)})
    answer = {"predictions": {"scores": [0.5], "ids": ["a"]}}
    assert ask(v1(instances=ROWS), script, transformer) == (200, answer)
    assert transformer.answer == answer


@pytest.mark.parametrize("rows", [{"customer": 1}, "text", [], 3, None])
def test_in_v1_what_the_rows_are_is_the_transformers_matter(rows: Any) -> None:
    transformer = Given(lambda body: [[len(body)]])
    assert ask(v1(instances=rows), Script(), transformer)[0] == 200
    assert transformer.body == {"instances": rows}
    # Without a transformer they have to be rows.
    assert ask(v1(instances=rows), Script())[0] == 400
    assert ask(v1(rows=rows), Script(), Given(same))[0] == 400


TENSOR = {"name": "x", "shape": [2, 2], "datatype": "FP64", "data": ROWS}
OUTPUT = {"name": "output-0", "shape": [2], "datatype": "FP64", "data": [3.0, 7.0]}
HEAD = {"model_name": "m", "model_version": "7", "id": "r"}


@pytest.mark.parametrize("bringer", BRINGERS)
@pytest.mark.parametrize("batching", [None, Batching()])
def test_in_v2_a_transformer_gets_the_request_and_the_answer(
    bringer: str, batching: Batching | None
) -> None:
    script, transformer = Script(), Given(same, same)
    answer = ask(BRINGERS[bringer](), script, transformer, batching)
    assert answer == (200, {**HEAD, "outputs": [OUTPUT]})
    assert transformer.body == {"id": "r", "inputs": [TENSOR]}
    assert script.rows == ROWS
    assert transformer.answer == {**HEAD, "outputs": [OUTPUT]}


def changed(**changes: Any) -> Callable[[Any], Any]:
    def change(body: Any) -> Any:
        body["inputs"][0].update(changes)
        return body

    return change


@pytest.mark.parametrize("bringer", BRINGERS)
@pytest.mark.parametrize(
    ("before", "rows"),
    [
        (changed(data=[[9.0, 8.0], [7.0, 6.0]]), [[9.0, 8.0], [7.0, 6.0]]),
        (changed(data=[9.0, 8.0, 7.0, 6.0]), [[9.0, 8.0], [7.0, 6.0]]),
        (changed(data=np.array(ROWS) + 1), [[2.0, 3.0], [4.0, 5.0]]),
        (changed(data=[[5, 6]], shape=(1, 2), datatype="INT64"), [[5, 6]]),
        (lambda _: [[5, 6]], [[5, 6]]),
        (lambda _: {"instances": [[5, 6]]}, [[5, 6]]),
        (lambda body: body["inputs"][0]["data"][:1], [[1.0, 2.0]]),
    ],
)
def test_in_v2_preprocess_returns_a_request_or_the_bare_rows(
    bringer: str, before: Any, rows: Any
) -> None:
    script = Script()
    status, _ = ask(BRINGERS[bringer](), script, Given(before))
    assert (status, script.rows) == (200, rows)


def answered(**changes: Any) -> Callable[[Any], Any]:
    def change(answer: Any) -> Any:
        answer["outputs"][0].update(changes)
        return answer

    return change


@pytest.mark.parametrize("bringer", BRINGERS)
@pytest.mark.parametrize(
    ("after", "outputs"),
    [
        (answered(data=[1.0, 2.0]), [{**OUTPUT, "data": [1.0, 2.0]}]),
        (answered(data=np.array([1.0, 2.0])), [{**OUTPUT, "data": [1.0, 2.0]}]),
        (answered(data=[1.5, None]), [{**OUTPUT, "data": [1.5, None]}]),
        (
            answered(data=["a", "b"], datatype="BYTES", name="label"),
            [{"name": "label", "shape": [2], "datatype": "BYTES", "data": ["a", "b"]}],
        ),
        (
            lambda _: [1, 2],
            [{"name": "output-0", "shape": [2], "datatype": "INT64", "data": [1, 2]}],
        ),
        (
            lambda _: {"ranking": [1, 2]},
            [{"name": "ranking", "shape": [2], "datatype": "INT64", "data": [1, 2]}],
        ),
        (lambda answer: {"outputs": answer["outputs"]}, [OUTPUT]),
    ],
)
def test_in_v2_postprocess_returns_an_answer_or_the_bare_outputs(
    bringer: str, after: Any, outputs: Any
) -> None:
    status, answer = ask(BRINGERS[bringer](), Script(), Given(after=after))
    assert (status, answer) == (200, {**HEAD, "outputs": outputs})


@pytest.mark.parametrize(
    ("predicted", "datatype", "data"),
    [
        ([], "FP64", []),
        ([[], []], "FP64", []),
        (np.array([[1, 2]], "int8"), "INT8", [1, 2]),
        (np.array([1.5, np.nan], "float16"), "FP16", [1.5, None]),
        ([True, False], "BOOL", [True, False]),
        ([b"\xc3\xa9", b"a"], "BYTES", ["é", "a"]),
        ([[["a"]], [["b"]]], "BYTES", ["a", "b"]),
    ],
    ids=str,
)
def test_an_answer_given_back_is_the_one_without_a_transformer(
    predicted: Any, datatype: str, data: Any
) -> None:
    script = Script(lambda _: predicted)
    for bring in BRINGERS.values():
        _, alone = ask(bring(), script)
        _, passed = ask(bring(), script, Given(after=same))
        assert alone == passed
        assert passed["outputs"][0]["datatype"] == datatype
        assert passed["outputs"][0]["data"] == data


def test_what_was_asked_for_goes_along() -> None:
    parameters, wanted = {"content_type": "pd", "limit": 7}, [{"name": "b"}]
    script = Script(lambda _: {"a": [1, 2], "b": [3, 4]})
    transformer = Given(same, same)
    call = v2(id="r", parameters=parameters, outputs=wanted)
    _, answer = ask(call, script, transformer)
    assert transformer.body["parameters"] == parameters
    assert transformer.body["outputs"] == [{"name": "b", "parameters": {}}]
    assert script.rows == [{"x": ROWS[0]}, {"x": ROWS[1]}]
    assert [output["name"] for output in transformer.answer["outputs"]] == ["a", "b"]
    assert [output["name"] for output in answer["outputs"]] == ["b"]


def test_a_request_without_rows_is_refused_before_a_transformer_sees_it() -> None:
    transformer = Given(same)
    call = InferCall("m", 7, b'{"inputs": []}')
    assert ask(call, Script(), transformer)[0] == 400
    assert transformer.body is None


WRONG: list[tuple[PredictionCall, Any, Any, str, str]] = [
    (v1(inputs=ROWS), lambda b: {**b, "instances": 1}, same, "transformer", "both of"),
    (v2(), lambda b: {**b, "instances": 1}, same, "transformer", "both of"),
    (v2(), lambda _: {"inputs": ROWS}, same, "transformer", "not return a V2 request"),
    (
        v2(),
        changed(data=[1]),
        same,
        "transformer",
        "shape [2, 2], but its data has shape [1]",
    ),
    (v2(), changed(datatype="X"), same, "transformer", "unknown datatype 'X'"),
    (v2(), same, lambda _: {"outputs": [1]}, "transformer", "not return a V2 answer"),
    (v2(), same, answered(shape=[3]), "transformer", "change shape with the data"),
    (v2(), same, answered(datatype="INT8"), "transformer", "data contains float"),
    (v2(), same, answered(datatype="Y"), "transformer", "unknown datatype 'Y'"),
    (
        v2(),
        same,
        answered(data=[1, 999], datatype="INT8"),
        "transformer",
        "beyond INT8",
    ),
    (v2(), same, answered(note=1), "transformer", "unknown field `note`"),
    (v2(), same, lambda _: [[1], [1, 2]], "transformer", "is not a tensor"),
]


@pytest.mark.parametrize(("call", "before", "after", "component", "words"), WRONG)
def test_what_a_transformer_must_not_return_is_blamed_on_it(
    call: PredictionCall, before: Any, after: Any, component: str, words: str
) -> None:
    status, answer = ask(call, Script(), Given(before, after))
    assert (status, answer["component"]) == (500, component)
    assert words in answer["error"]


@pytest.mark.parametrize("call", [v1(instances=ROWS), v2()])
def test_what_has_no_form_for_postprocess_is_the_predictors_fault(
    call: PredictionCall,
) -> None:
    status, answer = ask(call, Script(lambda _: [object()]), Given(after=same))
    assert (status, answer["component"]) == (500, "predictor")


def test_the_inference_log_has_what_was_sent() -> None:
    def spoil(body: Any) -> Any:
        body["inputs"][0]["data"][0] = [0.0, 0.0]
        return body

    for bring in (v2_binary, grpc_raw):
        witness = Witness()
        service = Service("m", 7, Chain(Script(), Given(spoil)), [witness])
        asyncio.run(service.handle(bring()))
        [tensor] = json.loads(witness.seen[0].request)["inputs"]
        assert tensor["data"] == ROWS
