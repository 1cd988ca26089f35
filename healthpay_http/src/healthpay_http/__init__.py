"""HealthPay over HTTP: a plain ASGI application over the command port."""
