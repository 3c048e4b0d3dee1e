# The image `fdinit`: one file, /fdinit, built from this folder. It needs a network (Docker Hub, Debian, npm) and no tool but Docker:
#
#   docker build -t fdinit .
#
#   FROM debian:12-slim                       or any other base, scratch included
#   COPY --from=fdinit /fdinit /sbin/fdinit
#   ENTRYPOINT ["/sbin/fdinit", "--"]
#
# It is the static executable for the architecture that the image is built for. Without a network: images/static/Dockerfile.
FROM node:22-bookworm-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev musl-dev xz-utils && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN bun="bun@$(sed -n 's/.*"bun": "\([0-9.]*\)".*/\1/p' package.json | head -n 1)" \
 && target="linux-$(uname -m | sed 's/x86_64/x64/; s/aarch64/arm64/')-static" \
 && npx -y "$bun" run build --target "$target" \
 && mv "dist/fdinit-$target" /fdinit

FROM scratch
COPY --from=build /fdinit /fdinit
ENTRYPOINT ["/fdinit"]
CMD ["version"]
