FROM python:3.13-slim AS build
WORKDIR /build
RUN python -m venv /app
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY bot bot
COPY cogs cogs
RUN /app/bin/pip install --no-cache-dir -c constraints.txt '.[postgres,s3]'

FROM python:3.13-slim
RUN useradd --uid 10001 --no-log-init --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin bot \
    && install -d -o bot -m 700 /data
COPY --from=build /app /app
ENV PATH=/app/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DATA_DIR=/data \
    DATABASE_URL=sqlite+aiosqlite:////data/bot.db \
    HTTP_PORT=8081
USER 10001
WORKDIR /
VOLUME /data
STOPSIGNAL SIGTERM
# A first start with migrations may take half a minute. `python -m bot.health` only requests /healthz.
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 CMD ["python", "-m", "bot.health"]
ENTRYPOINT ["python", "-m", "bot"]
