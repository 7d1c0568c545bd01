# Three images: `slim` serves compiled plans, watches and scores, without AutoGluon; `full`, the default, also trains, and
# serves models that have no plan; `cluster` is a node of a Ray cluster that scores tables.
FROM python:3.11.14-slim-bookworm AS base
ENV PYTHONUNBUFFERED=1 \
    PATH=/opt/gluonserve/bin:$PATH

FROM scratch AS source
WORKDIR /source
COPY setup.cfg setup.py pyproject.toml README.md LICENSE wsgi.py ./
COPY app app
COPY config config

FROM base AS tools
WORKDIR /build
# They stay outside of the environment that is copied into the image, and so does pip.
COPY deploy/requirements-sbom.lock ./
RUN python -m venv /opt/tools \
    && /opt/tools/bin/pip install --no-cache-dir --require-hashes --requirement requirements-sbom.lock \
    && python -m venv --without-pip /opt/gluonserve
COPY deploy/image/install /usr/local/bin/

FROM tools AS build-slim
COPY deploy/requirements-slim.lock ./
RUN pip --python /opt/gluonserve/bin/python install --no-cache-dir --require-hashes --requirement requirements-slim.lock
COPY --from=source /source ./
RUN install

FROM tools AS build-full
COPY deploy/requirements.lock ./
RUN pip --python /opt/gluonserve/bin/python install --no-cache-dir --require-hashes --requirement requirements.lock
COPY --from=source /source ./
RUN install

FROM tools AS build-cluster
COPY deploy/requirements-cluster.lock ./
RUN pip --python /opt/gluonserve/bin/python install --no-cache-dir --require-hashes --requirement requirements-cluster.lock
COPY --from=source /source ./
RUN install

FROM base AS runtime
# LightGBM needs OpenMP's library. tini is process 1: it passes signals on to commands that have no handler of their own,
# which the kernel would keep from a process 1, and buries orphans. Debian keeps only the newest version of a package, so
# a pinned one would break the build.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1 tini \
    && rm -rf /var/lib/apt/lists/* \
    && pip uninstall --yes pip setuptools wheel \
    && rm -rf /usr/local/lib/python3.11/ensurepip \
    && useradd --uid 10001 --create-home --home-dir /var/lib/gluonserve --shell /usr/sbin/nologin gluonserve
COPY deploy/image/entrypoint deploy/image/healthcheck /usr/local/bin/
# Nothing is written elsewhere than in the volume, /tmp and /dev/shm: the root file system can be read-only.
ENV GLUONSERVE_ENV=production \
    GLUONSERVE_HOME=/var/lib/gluonserve \
    BIND=0.0.0.0:8000 \
    PYTHONDONTWRITEBYTECODE=1
USER 10001
WORKDIR /var/lib/gluonserve
VOLUME /var/lib/gluonserve
EXPOSE 8000
# Of the web role; other roles are started with --no-healthcheck.
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 CMD ["healthcheck"]
ENTRYPOINT ["tini", "--", "entrypoint"]
CMD ["web"]

FROM runtime AS slim
COPY --from=build-slim /opt/gluonserve /opt/gluonserve

FROM runtime AS cluster
COPY --from=build-cluster /opt/gluonserve /opt/gluonserve

FROM runtime AS full
COPY --from=build-full /opt/gluonserve /opt/gluonserve
