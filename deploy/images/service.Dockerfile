# One image file for every service. Built from the root of the checkout, for example:
#   docker build -f deploy/images/service.Dockerfile --build-arg SERVICE=transcripts -t muniment/transcripts .
# `install` and the layer of shared dependencies are the same for all services and are built once.
#
# BASE_IMAGE: any image with Python 3.11 or later, its venv module and certificates, so that an agency may use its own.
# An agency's package mirror or certificate authority comes as build secrets (`pip_conf`, `uv_toml`, `ca`), which stay
# in no layer.
ARG BASE_IMAGE=python:3.11-slim-bookworm

# --- The installer, which never reaches the service's image.
FROM ${BASE_IMAGE} AS installer
COPY requirements.lock deploy/images/install.py /installer/
RUN --mount=type=secret,id=ca,target=/run/secrets/ca \
    --mount=type=secret,id=pip_conf,target=/etc/pip.conf \
    if [ -f /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi \
    && python3 -m venv /installer/venv \
    && python3 /installer/install.py --print /installer/requirements.lock uv > /installer/uv.txt \
    && /installer/venv/bin/pip install --quiet --no-cache-dir --disable-pip-version-check --require-hashes \
        -r /installer/uv.txt
# Closes the stage: some builders mount a cached stage as it was before its last RUN.
WORKDIR /installer

# --- What every service has in common.
FROM ${BASE_IMAGE} AS shared
ENV PATH=/opt/muniment/venv/bin:${PATH} \
    PYTHONPATH=/opt/muniment/src \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp
RUN printf 'muniment:x:10001:10001:Muniment:/tmp:/usr/sbin/nologin\n' >> /etc/passwd \
    && printf 'muniment:x:10001:\n' >> /etc/group \
    && mkdir -p /opt/muniment/src
COPY requirements.lock /opt/muniment/
COPY libs/common/pyproject.toml /opt/muniment/members/common/
# The source does not change in an image, so its compiled form need not be compared with it: equal input, equal bytes.
RUN --mount=type=bind,from=installer,source=/installer,target=/installer \
    --mount=type=secret,id=ca,target=/run/secrets/ca \
    --mount=type=secret,id=uv_toml,target=/etc/uv/uv.toml \
    if [ -f /run/secrets/ca ]; then export SSL_CERT_FILE=/run/secrets/ca; fi \
    && export PYC_INVALIDATION_MODE=UNCHECKED_HASH UV_PYTHON_DOWNLOADS=never UV_NO_PROGRESS=1 \
    && /installer/venv/bin/uv venv --quiet --python python3 --relocatable /opt/muniment/venv \
    && python3 /installer/install.py /opt/muniment/requirements.lock /installer/venv/bin/uv /opt/muniment/venv/bin/python \
        /opt/muniment/members/common/pyproject.toml

# --- One service.
FROM shared AS service
# SERVICE: chat-gateway, transcripts, production, disclosure or retention. MEMBER: its folder.
ARG SERVICE
ARG MEMBER=services/${SERVICE}
RUN test -n "${SERVICE}" || { echo 'Say which service: --build-arg SERVICE=transcripts' >&2; exit 1; }
COPY ${MEMBER}/pyproject.toml /opt/muniment/members/service/
RUN --mount=type=bind,from=installer,source=/installer,target=/installer \
    --mount=type=secret,id=ca,target=/run/secrets/ca \
    --mount=type=secret,id=uv_toml,target=/etc/uv/uv.toml \
    if [ -f /run/secrets/ca ]; then export SSL_CERT_FILE=/run/secrets/ca; fi \
    && export PYC_INVALIDATION_MODE=UNCHECKED_HASH UV_PYTHON_DOWNLOADS=never UV_NO_PROGRESS=1 \
    && python3 /installer/install.py /opt/muniment/requirements.lock /installer/venv/bin/uv /opt/muniment/venv/bin/python \
        /opt/muniment/members/common/pyproject.toml /opt/muniment/members/service/pyproject.toml
COPY libs/common/src/ ${MEMBER}/src/ /opt/muniment/src/
# The program `service` is this image's package, so that every image is started alike: `service api`, `service worker`.
RUN package=$(sed -n 's/^module-name = "\(.*\)"$/\1/p' /opt/muniment/members/service/pyproject.toml) \
    && printf '#!/bin/sh\nexec python -m %s "$@"\n' "${package}" > /opt/muniment/venv/bin/service \
    && chmod 0755 /opt/muniment/venv/bin/service \
    && python -m compileall -q --invalidation-mode unchecked-hash /opt/muniment/src \
    && chmod -R a+rX,go-w /opt/muniment/src

ARG BASE_IMAGE
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="muniment-${SERVICE}" \
      org.opencontainers.image.description="The ${SERVICE} of Muniment, a platform that keeps a government agency's chats as records" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="${BASE_IMAGE}"

# Inside a container only the container's own networks can reach it; which ports leave it is the runner's decision.
ENV MUNIMENT_HOST=0.0.0.0 \
    MUNIMENT_PORT=8000
EXPOSE 8000
USER 10001:10001
WORKDIR /tmp
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s CMD ["python", "-m", "common.probe"]
ENTRYPOINT ["service"]
CMD ["api"]
