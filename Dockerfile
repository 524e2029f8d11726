# The binary alone in an image: no shell, no package manager, no root. It fits a read-only root file system:
# the only place it writes to is /data, and only where the store is SQLite.
# test/binary/container.test.ts replays these steps without a container engine.

FROM oven/bun:1.4.5 AS builder
WORKDIR /build
# Packages first: they change less often than the sources, and stay cached when only those do.
COPY package.json bun.lock bunfig.toml ./
RUN bun install --frozen-lockfile --production
COPY tsconfig.json ./
COPY deploy/build.ts deploy/build.ts
COPY src src
# There is no .git in here: `docker build --build-arg REVISION=$(git rev-parse HEAD) .` stamps the commit in.
ARG REVISION=""
RUN REVISION="$REVISION" bun deploy/build.ts
# The final stage has no shell to make a folder with; a volume mounted over it takes its owner from this one.
RUN mkdir -p /build/data && chown 65532:65532 /build/data

FROM gcr.io/distroless/base-debian12:nonroot AS production
ARG REVISION=""
LABEL org.opencontainers.image.title="petrosa" \
      org.opencontainers.image.description="Binance market data into a database: complete, exact, fast." \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.revision="$REVISION"
COPY --from=builder /build/dist/petrosa /usr/local/bin/petrosa
COPY --from=builder --chown=65532:65532 /build/data /data
ENV SQLITE_PATH=/data/petrosa.db
WORKDIR /data
VOLUME ["/data"]
EXPOSE 8080
# By number, so that Kubernetes can see that it is not root.
USER 65532:65532
# No HEALTHCHECK: it would need a client in here. An orchestrator asks GET /healthz, and a single pass ends.
ENTRYPOINT ["/usr/local/bin/petrosa"]
CMD ["--help"]
