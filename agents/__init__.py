"""Plain typed Python: knowledge, language, inference, the four agents and their coordinator."""

ENGINE_VERSION = "0.1.0"
