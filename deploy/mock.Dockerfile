# The mock as an image of its own: `make image`. Its context is the folder of the
# static binary, nothing else.
FROM scratch
COPY mockvllm /mockvllm
USER 65532:65532
EXPOSE 8000
ENTRYPOINT ["/mockvllm"]
CMD ["--host", "0.0.0.0", "--port", "8000"]
