"""The view of baseline (a): a viewset whose ``create`` analyses, saves and answers."""

from typing import Any

import msgspec
from asgiref.sync import async_to_sync
from rest_framework import serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from benchmarks.baselines.engine import answer, case_of, consult
from benchmarks.baselines.literal.models import DiagnosisSession


class SymptomSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=200)


class PatientSerializer(serializers.Serializer[Any]):
    age = serializers.FloatField(required=False, min_value=0, max_value=130)
    gender = serializers.ChoiceField(["female", "male"], required=False)


class CaseSerializer(serializers.Serializer[Any]):
    symptoms = SymptomSerializer(many=True, required=False)
    note = serializers.CharField(required=False)
    patient_info = PatientSerializer(required=False)


class AnalyzeViewSet(viewsets.ViewSet):
    def create(self, request: Request) -> Response:
        serializer = CaseSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        consultation = async_to_sync(consult)(case_of(serializer.validated_data))
        session_id, encoded, envelope = answer(consultation)
        DiagnosisSession.objects.create(
            id=session_id,
            status=envelope.status,
            request=request.data,
            consultation=msgspec.json.decode(encoded),
        )
        return Response(msgspec.json.decode(msgspec.json.encode(envelope)))
