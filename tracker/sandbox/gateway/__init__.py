"""The gateway: WebSocket v10, JSON, zlib-stream or zstd-stream."""
