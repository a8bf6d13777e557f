# Two stages. The first installs exactly what the lock names, builds the wheel and proves the law: a rulebook whose worked cases
# fail has no image. The second holds the result and nothing that could install more. docs/operations.md says how to run it.
FROM python:3.12-slim AS build
WORKDIR /src
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
COPY requirements.lock requirements-build.lock ./
# The service's own environment has no pip: another one installs into it.
RUN python -m venv /opt/build \
 && python -m venv --without-pip /opt/passport \
 && /opt/build/bin/pip install --require-hashes --only-binary :all: -r requirements-build.lock \
 && /opt/build/bin/pip --python /opt/passport/bin/python install --require-hashes --only-binary :all: -r requirements.lock
COPY pyproject.toml setup.cfg README.md ./
COPY passport_service passport_service
COPY config config
RUN /opt/build/bin/pip wheel --no-deps --no-index --no-build-isolation --wheel-dir /wheels . \
 && /opt/build/bin/pip --python /opt/passport/bin/python install --no-deps --no-index /wheels/*.whl \
 && PASSPORT_PROOFS=/opt/passport/proofs /opt/passport/bin/passport rulebooks check

FROM python:3.12-slim
LABEL org.opencontainers.image.title="Passport" \
      org.opencontainers.image.description="Which limited additional checks does the host market require of a broker registered at home?"
COPY --from=build /opt/passport /opt/passport
# No Redis is started inside the container: PASSPORT_REDIS_URL names one, and without it each worker has its memory alone.
ENV PATH=/opt/passport/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PASSPORT_PROOFS=/opt/passport/proofs \
    HOST=0.0.0.0 \
    PORT=8000
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ['PORT'] + '/readyz', timeout=2)"]
CMD ["passport", "serve"]
