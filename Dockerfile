# The image of deblox: the program, the C library it is linked with, and the certificates that TLS needs.
# docs/decisions/0026-image.md says why it is made like this. Any builder of Docker's will do.
ARG NODE_IMAGE=node:22-bookworm-slim
ARG RUST_IMAGE=rust:1-slim-bookworm

FROM ${NODE_IMAGE} AS ui
WORKDIR /ui
COPY ui/package.json ui/package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY ui ./
RUN npm run build

FROM ${RUST_IMAGE} AS build
WORKDIR /build
# A quick build for tests: --build-arg CARGO_PROFILE_RELEASE_LTO=off and the like, which cargo finds in its environment
ARG CARGO_PROFILE_RELEASE_LTO
ARG CARGO_PROFILE_RELEASE_OPT_LEVEL
ARG CARGO_PROFILE_RELEASE_CODEGEN_UNITS
# The dependencies alone, with stand-ins for all files that Cargo.toml names: this layer lasts until Cargo.lock changes
COPY Cargo.toml Cargo.lock ./
RUN mkdir -p src tests/integration tests/chaos benches/bus \
 && for program in build.rs src/main.rs tests/integration/main.rs tests/chaos/main.rs benches/bus/main.rs; do \
      echo 'fn main() {}' >$program; done \
 && touch src/lib.rs \
 && cargo build --release --locked \
 && cargo clean --release --locked --package deblox
COPY build.rs ./
COPY src src
COPY --from=ui /ui/dist ui/dist
RUN DEBLOX_REQUIRE_UI=1 cargo build --release --locked
# What it is made of: the bill of materials needs these two beside Cargo.lock
COPY scripts/sbom.sh scripts/
COPY ui/package-lock.json ui/
# What the image holds. The loader and the libraries are those that the program was linked with, wherever they are on this
# architecture; libc brings the lookup of names in /etc/hosts and by DNS with it.
RUN mkdir -p /image/etc/ssl/certs /image/usr/bin /image/usr/share/bash-completion/completions \
      /image/usr/share/zsh/site-functions /image/usr/share/fish/vendor_completions.d \
 && cp target/release/deblox /image/usr/bin/ \
 && mkdir -p /image/usr/share/doc/deblox \
 && scripts/sbom.sh >/image/usr/share/doc/deblox/sbom.cdx.json \
 && for library in $(ldd target/release/deblox | grep -o '/[^ ]*'); do cp --parents -L $library /image; done \
 && cp -L /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ \
 && echo 'root:x:0:0:root:/:/usr/bin/deblox' >/image/etc/passwd \
 && echo 'deblox:x:65532:65532:deblox:/:/usr/bin/deblox' >>/image/etc/passwd \
 && printf 'root:x:0:\ndeblox:x:65532:\n' >/image/etc/group \
 && cd /image/usr \
 && bin/deblox man share/man/man1 \
 && bin/deblox completions bash >share/bash-completion/completions/deblox \
 && bin/deblox completions zsh >share/zsh/site-functions/_deblox \
 && bin/deblox completions fish >share/fish/vendor_completions.d/deblox.fish

FROM scratch
COPY --from=build /image /
# A number, so that Kubernetes can see that it is not root
USER 65532:65532
# The worker waits 20 s for what runs (--grace): give it longer than docker's 10 s, --stop-timeout 30
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["deblox", "health"]
ENV PATH=/usr/bin
ENTRYPOINT ["deblox"]
CMD ["worker"]
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="deblox" \
      org.opencontainers.image.description="Drive the Docker daemons of many hosts from anywhere, over Redis." \
      org.opencontainers.image.source="https://github.com/deblox/deblox" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
