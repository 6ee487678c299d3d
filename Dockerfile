# The release bot itself: docker build -t releasebot .
# BASE needs Python 3.11 or newer with pip. One that brings git too is taken as complete: nothing is added to it,
# and where it has the requirements as well the build needs no network.
ARG BASE=python:3.12-slim
FROM ${BASE}

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# git and ssh for the products' repositories, PostgreSQL's client for backups.
RUN command -v git >/dev/null || { \
      apt-get update -qq \
      && apt-get install -y -qq --no-install-recommends git openssh-client postgresql-client \
      && rm -rf /var/lib/apt/lists/*; }

WORKDIR /opt/releasebot
COPY requirements.txt ./
RUN python -m pip install --no-cache-dir --disable-pip-version-check --root-user-action=ignore \
      --require-hashes -r requirements.txt
COPY bot bot
COPY handlers handlers
COPY pipeline pipeline
# Once here instead of at every start, by a user who may not write there.
RUN python -m compileall -q --invalidation-mode unchecked-hash bot handlers pipeline

# The state folder is a mount; it has to have the same path on the machine, see compose.yaml.
ENV PYTHONPATH=/opt/releasebot HOME=/var/lib/releasebot RELEASEBOT_STATE=/var/lib/releasebot \
    RELEASEBOT_CONFIG=/etc/releasebot/bot.toml RELEASEBOT_LOG=json
USER 10001:10001
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["python", "-c", \
  "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ.get('RELEASEBOT_PORT', '8080') + '/healthz', timeout=4)"]
ENTRYPOINT ["python", "-m", "bot"]
CMD ["run"]
