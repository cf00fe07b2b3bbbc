"""Many cases in one body: CSV, JSON lines or a FHIR Bundle, read into checked cases.

Every fault is found, named by row and field, and nothing is taken from an upload that has one.
"""

from diagnosis.serializers.uploads.reading import FORMATS, Upload, format_of, upload_from

__all__ = ["FORMATS", "Upload", "format_of", "upload_from"]
