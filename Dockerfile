FROM python:3.13-slim AS build
WORKDIR /build
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY bot bot
COPY cogs cogs
RUN python -m venv /app
RUN /app/bin/pip install --no-cache-dir -c constraints.txt .

FROM python:3.13-slim
COPY --from=build /app /app
RUN useradd --system --uid 10001 bot
RUN mkdir /data && chown bot /data
USER bot
WORKDIR /
ENV PATH=/app/bin:$PATH PYTHONUNBUFFERED=1 DATA_DIR=/data DATABASE_URL=sqlite+aiosqlite:////data/bot.db
VOLUME /data
ENTRYPOINT ["python", "-m", "bot"]
