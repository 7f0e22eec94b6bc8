# The image: Tocsin and what the lock file names, nothing else. `docker build -t tocsin .`
# Runs as 65532, with a read-only root if need be (docker run --read-only --tmpfs /tmp …); writes to
# /data and, for kernels compiled for this very CPU, to /var/cache/tocsin.

FROM python:3.12-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
RUN python -m venv /opt/tocsin
COPY requirements.lock ./
RUN /opt/tocsin/bin/pip install --require-hashes --only-binary=:all: --requirement requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY engine engine
COPY notifiers notifiers
COPY rules rules
RUN /opt/tocsin/bin/pip install --no-deps . \
 && /opt/tocsin/bin/pip uninstall --yes --quiet pip
# Whole seconds: layers keep no more, and both byte code and compiled kernels remember the time of
# their source.
RUN find /opt/tocsin -name '*.py' -exec touch --date=@1 {} + \
 && /opt/tocsin/bin/python -m compileall -q /opt/tocsin/lib
ENV NUMBA_CACHE_DIR=/var/cache/tocsin/numba
# A whole run of the demo compiles every kernel, and shows that what was installed works.
RUN mkdir -p "$NUMBA_CACHE_DIR" \
 && /opt/tocsin/bin/tocsin demo --once --plain --dir /tmp/demo && rm -rf /tmp/demo

FROM python:3.12-slim
LABEL org.opencontainers.image.title="Tocsin" \
      org.opencontainers.image.description="Stream-processing alerting: watches metrics and logs, notifies people once and in time." \
      org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --gid 65532 tocsin \
 && useradd --uid 65532 --gid 65532 --no-create-home --home-dir /data --shell /usr/sbin/nologin tocsin \
 && install -d -o tocsin -g tocsin /data
COPY --from=build /opt/tocsin /opt/tocsin
COPY --from=build --chown=65532:65532 /var/cache/tocsin /var/cache/tocsin
ENV PATH=/opt/tocsin/bin:$PATH \
    NUMBA_CACHE_DIR=/var/cache/tocsin/numba \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
VOLUME ["/data", "/var/cache/tocsin"]
WORKDIR /data
USER 65532:65532
EXPOSE 9093
# Drains: the last checkpoint, what is being sent, then the log is closed. Give it 60 s.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9093/-/healthy', timeout=4)"]
ENTRYPOINT ["tocsin"]
CMD ["run", "--config", "/etc/tocsin/tocsin.yaml"]
