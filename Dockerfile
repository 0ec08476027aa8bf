# SPDX-License-Identifier: MIT
# usherd and its page: the program, the libraries that it loads, the files of the page, and nothing else: no shell, no package
# manager.
#
#   docker build -t usherd .                   (podman: with --format docker, or it has no health check)
#   docker run -d --name usherd --read-only --cap-drop all --security-opt no-new-privileges -p 4000:4000 \
#       -v usherd:/var/lib/usherd -e USHERD_ROOMS_LISTED=yes usherd
#
# Every option of conf/usherd.conf is a variable USHERD_SECTION_KEY; USHERD_CONFIG names a file with several. Set options
# so, and not behind the image's name, for the health check and `docker exec usherd usherd token` read the same variables.

FROM debian:bookworm-slim AS page
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends make clang lld binaryen wasi-libc \
    libclang-rt-14-dev-wasm32 dpkg-dev nodejs node-qrcode-generator uthash-dev pkg-config
WORKDIR /src
COPY . .
RUN make web && make build/page/index.html && mkdir -p /root/image/usr/share/usher && cp -r build/page /root/image/usr/share/usher/web

FROM debian:bookworm-slim AS build
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends gcc libc6-dev make pkg-config uthash-dev \
    libjansson-dev libwebsockets-dev libwebsockets-evlib-uv libuv1-dev libsystemd-dev libinih-dev libjwt-dev libssl-dev ca-certificates
WORKDIR /src
COPY . .
RUN make build/usherd && strip build/usherd && tools/image-root.sh build/usherd /root/image && mkdir -p -m 700 /root/state/usherd

FROM scratch
LABEL org.opencontainers.image.title="usherd" \
      org.opencontainers.image.description="WebRTC signaling daemon" \
      org.opencontainers.image.licenses="MIT"
COPY --from=build /root/image /
COPY --from=page /root/image /
COPY --from=build --chown=65532:65532 /root/state /var/lib
USER 65532:65532
# Docker gives a container ten seconds to stop, so everybody is seen off in eight.
ENV USHERD_SERVER_STATE_DIR=/var/lib/usherd \
    USHERD_SERVER_DRAIN_TIMEOUT=8s
VOLUME /var/lib/usherd
EXPOSE 4000
HEALTHCHECK --interval=10s --timeout=5s --start-period=5s CMD ["usherd", "--healthcheck"]
ENTRYPOINT ["usherd"]
