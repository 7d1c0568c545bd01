FROM python:3.11.14-slim-bookworm AS base
ENV PYTHONUNBUFFERED=1 \
    PATH=/opt/gluonserve/bin:$PATH

FROM base AS build
WORKDIR /build
# pip stays outside of the environment that is copied into the image.
RUN python -m venv --without-pip /opt/gluonserve
COPY deploy/requirements.lock ./
RUN pip --python /opt/gluonserve/bin/python install --no-cache-dir --require-hashes --requirement requirements.lock
COPY setup.cfg setup.py pyproject.toml README.md LICENSE wsgi.py ./
COPY app app
COPY config config
RUN pip --python /opt/gluonserve/bin/python install --no-cache-dir --no-deps --no-build-isolation . \
    && pip --python /opt/gluonserve/bin/python uninstall --yes setuptools
# What this image is made of, as CycloneDX: in /opt/gluonserve/share/gluonserve.cdx.json.
COPY deploy/requirements-sbom.lock ./
RUN python -m venv /opt/sbom \
    && /opt/sbom/bin/pip install --no-cache-dir --require-hashes --requirement requirements-sbom.lock \
    && mkdir -p /opt/gluonserve/share \
    && /opt/sbom/bin/cyclonedx-py environment --validate --output-file /opt/gluonserve/share/gluonserve.cdx.json \
        /opt/gluonserve/bin/python

FROM base
# LightGBM needs OpenMP's library. Debian keeps only the newest version of a package, so a pinned one would break the build.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --create-home --home-dir /var/lib/gluonserve --shell /usr/sbin/nologin gluonserve
COPY --from=build /opt/gluonserve /opt/gluonserve
ENV GLUONSERVE_ENV=production \
    GLUONSERVE_HOME=/var/lib/gluonserve \
    BIND=0.0.0.0:8000
USER 10001
WORKDIR /var/lib/gluonserve
VOLUME /var/lib/gluonserve
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.build_opener(u.ProxyHandler({})).open('http://127.0.0.1:' + os.environ['BIND'].rpartition(':')[2] + '/health/live', timeout=2)"]
ENTRYPOINT ["gluonserve"]
CMD ["serve"]
