# The binary alone in an image: no shell, no package manager, no root. It fits a read-only root file system:
# the only place it writes to is /data, and only where the store is SQLite. Other stages, by --target: alpine
# (with a shell, on musl), development (the sources, with every package), testing (the unit tests).
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

FROM builder AS musl
# amd64 or arm64, as the engine says. A default here would win over its word: without it the machine's counts.
ARG TARGETARCH
RUN bun deploy/build.ts --target \
    "bun-linux-$(echo "${TARGETARCH:-$(uname -m)}" | sed 's/amd64\|x86_64/x64/; s/aarch64/arm64/')-musl"
RUN mv dist/petrosa-bun-linux-*-musl dist/petrosa-musl

FROM alpine:3.22 AS alpine
ARG REVISION=""
LABEL org.opencontainers.image.title="petrosa" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.revision="$REVISION"
RUN apk add --no-cache ca-certificates libstdc++
COPY --from=musl /build/dist/petrosa-musl /usr/local/bin/petrosa
COPY --from=builder --chown=65532:65532 /build/data /data
ENV SQLITE_PATH=/data/petrosa.db
WORKDIR /data
VOLUME ["/data"]
EXPOSE 8080
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/petrosa"]
CMD ["--help"]

FROM oven/bun:1.4.5 AS development
WORKDIR /petrosa
COPY package.json bun.lock bunfig.toml ./
RUN bun install --frozen-lockfile
COPY tsconfig.json .biome.json README.md LICENSE Dockerfile .dockerignore ./
# The tests look at the workflows too.
COPY .github .github
COPY src src
COPY test test
COPY deploy deploy
USER 1000:1000
CMD ["bun", "src/main.ts", "--help"]

FROM development AS testing
CMD ["bun", "test", "--timeout", "60000", "test/unit"]

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
