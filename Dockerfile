# The documented install in a container: docker build -t neuroscribe .
FROM python:3.11-slim

# Which torch to install first; another build of it needs no other change.
ARG TORCH=torch==2.13.0

WORKDIR /opt/neuroscribe
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY agent agent
COPY core core
COPY discovery discovery
COPY llms llms
COPY neuroscribe neuroscribe
COPY prompts prompts
COPY scoring scoring
COPY service service
COPY storage storage
COPY subjects subjects
RUN python -m pip install --no-cache-dir "$TORCH" \
    && python -m pip install --no-cache-dir -c constraints.txt '.[postgres,parquet]' \
    && useradd --create-home --uid 1000 neuroscribe \
    && install -d -o neuroscribe /data

USER neuroscribe
WORKDIR /data
ENV NEUROSCRIBE_HOME=/data
VOLUME /data
EXPOSE 8321
HEALTHCHECK --interval=30s --start-period=60s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8321/healthz')"]
ENTRYPOINT ["neuroscribe"]
CMD ["serve", "--host", "0.0.0.0", "--name", "localhost", "--name", "127.0.0.1"]
