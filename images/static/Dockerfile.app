# The program of images/example on nothing but the static executable, its policy and itself:
#   gcc -static -O2 -o images/example/server images/example/server.c
#   docker build -t app -f images/static/Dockerfile.app images
FROM scratch
COPY --from=fdinit-static /fdinit /fdinit
COPY scratch/policy.yaml /etc/fdinit/policy.yaml
RUN ["/fdinit", "check"]
COPY example/server /server
USER 65532:65532
ENTRYPOINT ["/fdinit"]
EXPOSE 8080
HEALTHCHECK CMD ["/server", "get"]
