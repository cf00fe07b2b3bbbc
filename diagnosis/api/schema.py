"""OpenAPI 3.1 from the very types that decode and encode: the schema cannot drift from them."""

from typing import Any, Final

import msgspec
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse

from agents.knowledge.schema import FindingEntry
from agents.types import Case, Consultation
from diagnosis.problems import CONTENT_TYPE, KINDS, FieldFault
from diagnosis.serializers import rows
from diagnosis.serializers.answers import Accepted, Envelope, Recorded, SessionDocument
from diagnosis.serializers.batches import BatchDocument, ResultLine, UploadReport
from diagnosis.serializers.requests import CaseBody
from diagnosis.serializers.uploads import FORMATS
from diagnosis.values import FeedbackReport, OutcomeReport, ReplayDiff, SessionMoment

_TYPES: Final[tuple[Any, ...]] = (
    Accepted,
    BatchDocument,
    Case,
    CaseBody,
    Consultation,
    Envelope,
    FeedbackReport,
    FieldFault,
    FindingEntry,
    OutcomeReport,
    Recorded,
    ReplayDiff,
    ResultLine,
    SessionDocument,
    SessionMoment,
    UploadReport,
    rows.ConditionDetail,
    rows.ConditionRow,
    rows.FindingRow,
    rows.GuidelineDetail,
    rows.GuidelineRow,
    rows.RedFlagRow,
    rows.SessionRow,
)
_REF: Final = "#/components/schemas/{name}"

IDEMPOTENCY_KEY: Final = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="Repeat a request safely: the same key and body get the same stored answer.",
)
PREFER: Final = OpenApiParameter(
    "Prefer",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="`respond-async` answers 202 at once; watch the session on its WebSocket.",
)
UPLOADS: Final = {
    FORMATS["csv"][0]: {"type": "string", "description": "A header, then a case a row."},
    FORMATS["jsonl"][0]: {"type": "string", "description": "A case a line."},
    FORMATS["fhir"][0]: {"type": "object", "description": "A Bundle of FHIR R4 resources."},
}
"""Bodies of ``POST /api/v1/batches/``; docs/api.md says what stands in them."""
CASE_EXAMPLES: Final = [
    OpenApiExample(
        "One symptom",
        request_only=True,
        value={
            "symptoms": [{"name": "headache", "severity": "moderate"}],
            "patient_info": {"age": 30, "gender": "female"},
        },
    ),
    OpenApiExample(
        "A note with vitals",
        request_only=True,
        value={
            "note": {
                "chief_complaint": "Crushing chest pain for one hour",
                "history": "Radiates to the left arm, sweating, nausea.",
                "denies": "cough, fever",
            },
            "vitals": {"heart_rate": 104, "systolic_bp": 98, "spo2": 95},
            "patient_info": {"age": {"value": 58, "unit": "years"}, "sex": "male"},
            "setting": "emergency",
        },
    ),
]


class TokenScheme(OpenApiAuthenticationExtension):
    """How the schema describes ``Authorization: Token <token>``."""

    target_class = "diagnosis.api.authentication.TokenAuthentication"
    name = "tokenAuth"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Token <token>`, from `POST /api/v1/tokens/`.",
        }


class PasswordScheme(OpenApiAuthenticationExtension):
    """HTTP Basic, for getting a token only."""

    target_class = "diagnosis.api.tokens.PasswordAuthentication"
    name = "basicAuth"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "basic"}


def ref(wanted: type[Any]) -> dict[str, str]:
    """A reference to the schema of a typed value."""
    return {"$ref": _REF.format(name=wanted.__name__)}


def body_of(wanted: type[Any]) -> dict[str, Any]:
    """A JSON request body."""
    return {"application/json": ref(wanted)}


def list_of(wanted: type[Any]) -> dict[str, Any]:
    """A plain list of typed values."""
    return {"type": "array", "items": ref(wanted)}


def page_schema(row: dict[str, Any]) -> dict[str, Any]:
    """A page of rows with the addresses of its neighbours."""
    address = {"anyOf": [{"type": "string", "format": "uri"}, {"type": "null"}]}
    results = {"type": "array", "items": row}
    return {
        "type": "object",
        "properties": {"next": address, "previous": address, "results": results},
        "required": ["next", "previous", "results"],
    }


def problem_answers(*statuses: int) -> dict[Any, Any]:
    """The problem documents that an operation may answer with."""
    return {
        (status, CONTENT_TYPE): OpenApiResponse(
            response={"$ref": "#/components/schemas/Problem"},
            description="; ".join(kind.title for kind in KINDS if kind.status == status),
        )
        for status in statuses
    }


def query_parameters(wanted: type[Any]) -> list[OpenApiParameter]:
    """One parameter for each field of a query type."""
    _, components = msgspec.json.schema_components([wanted], ref_template=_REF)
    properties = components[wanted.__name__]["properties"]
    return [
        OpenApiParameter(name, _without_refs(property_, components), OpenApiParameter.QUERY)
        for name, property_ in properties.items()
    ]


def _without_refs(schema: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    """The schema with what it points to in place, and without null, which no query can say."""
    if options := schema.get("anyOf"):
        schema = next(option for option in options if option.get("type") != "null")
    name = schema.get("$ref", "").rpartition("/")[2]
    found = dict(components[name]) if name else dict(schema)
    found.pop("default", None) if found.get("default") is None else None
    return found


def add_components(
    result: dict[str, Any], generator: Any, request: Any, public: bool
) -> dict[str, Any]:
    """Postprocessing hook of drf-spectacular: adds the schemas that ``ref`` points to."""
    _, components = msgspec.json.schema_components(list(_TYPES), ref_template=_REF)
    consultation = {"$ref": _REF.format(name="Consultation")}
    components["Envelope"]["properties"]["consultation"] = consultation
    stored = components["SessionDocument"]["properties"]
    stored["consultation"] = {"anyOf": [consultation, {"type": "null"}]}
    stored["case"] = {"$ref": _REF.format(name="Case")}
    schemas = result.setdefault("components", {}).setdefault("schemas", {})
    schemas.update(components)
    schemas["Problem"] = _PROBLEM
    return result


def only_versioned(endpoints: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Preprocessing hook: the unversioned spellings are the same operations once more."""
    return [endpoint for endpoint in endpoints if endpoint[0].startswith("/api/v1/")]


_PROBLEM: Final[dict[str, Any]] = {
    "title": "Problem",
    "description": "RFC 9457 problem document.",
    "type": "object",
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string", "format": "uri-reference"},
        "errors": {"type": "array", "items": {"$ref": "#/components/schemas/FieldFault"}},
    },
    "required": ["type", "title", "status", "detail"],
}
