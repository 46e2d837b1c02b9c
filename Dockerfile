# The program alone: docker build -t crannog . (how to run it every night: docs/operations.md)
FROM rust:1.95-slim-bookworm AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends make \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /crannog
COPY Cargo.toml Cargo.lock ./
COPY .cargo .cargo
COPY src src
COPY templates templates
RUN cargo build --release --locked --bin crannog

FROM debian:bookworm-slim
# Whom to trust: TLS asks the system. Time zones are in the program.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /crannog/target/release/crannog /usr/local/bin/crannog
# What goes from stage to stage of a cluster, where a volume is put.
RUN install --directory --owner 65532 --group 65532 /scratch
# Nobody's account, by number, so that a cluster can see that it is not root's.
USER 65532:65532
WORKDIR /work
ENTRYPOINT ["crannog"]
