"""Baseline (b), what a user would pick instead: FastAPI and SQLAlchemy async, one INSERT a request.

Written with care: pydantic checks the request, the answer is encoded once by msgspec and stored as
it is sent (FastAPI's own encoder would take several milliseconds for an answer of this size).
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import UUID

import msgspec
from fastapi import FastAPI, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Text
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from benchmarks.baselines.engine import answer, case_of, consult, knowledge


class Symptom(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str = Field(max_length=200)


class Patient(BaseModel):
    model_config = ConfigDict(extra="forbid")
    age: float | None = Field(default=None, ge=0, le=130)
    gender: str | None = None


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")
    symptoms: list[Symptom] = []
    note: str | None = None
    patient_info: Patient | None = None


class Base(DeclarativeBase):
    pass


class DiagnosisSession(Base):
    __tablename__ = "diagnosis_session"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    created_at: Mapped[datetime]
    status: Mapped[str]
    request: Mapped[str] = mapped_column(Text)
    consultation: Mapped[str] = mapped_column(Text)


# the same number of connections as the product: 20, and 30 more under load, by two workers
engine = create_async_engine(os.environ["BASELINE_DATABASE"], pool_size=10, max_overflow=15)
sessions = async_sessionmaker(engine)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    knowledge()
    yield
    await engine.dispose()


app = FastAPI(lifespan=lifespan)


@app.get("/health/ready")
async def ready() -> dict[str, str]:
    return {"status": "healthy"}


@app.post("/api/symptoms/analyze")
async def analyze(body: Body) -> Response:
    consultation = await consult(case_of(body.model_dump()))
    session_id, encoded, envelope = answer(consultation)
    async with sessions() as session:
        session.add(
            DiagnosisSession(
                id=session_id,
                created_at=datetime.now(UTC).replace(tzinfo=None),
                status=envelope.status,
                request=body.model_dump_json(),
                consultation=encoded.decode(),
            )
        )
        await session.commit()
    return Response(msgspec.json.encode(envelope), media_type="application/json")


async def make_tables() -> None:
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    await engine.dispose()
