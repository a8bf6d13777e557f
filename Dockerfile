# Two stages: the first builds the wheel and proves the law (a rulebook whose worked cases fail has no image).
FROM python:3.12-slim AS build
WORKDIR /src
COPY pyproject.toml setup.cfg README.md ./
COPY passport_service passport_service
COPY config config
ENV PASSPORT_PROOFS=/opt/passport/proofs
RUN python -m venv /opt/passport \
 && /opt/passport/bin/pip install --no-cache-dir . \
 && /opt/passport/bin/passport rulebooks check

FROM python:3.12-slim
COPY --from=build /opt/passport /opt/passport
ENV PATH=/opt/passport/bin:$PATH PASSPORT_PROOFS=/opt/passport/proofs HOST=0.0.0.0 PORT=8000 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
EXPOSE 8000
CMD ["passport", "serve"]
