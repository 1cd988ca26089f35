"""HealthPay over HTTP: a plain ASGI application over the command port."""

from healthpay_http.app import HealthPayApp
from healthpay_http.backend import Backend, HealthCheck
from healthpay_http.publications import Publications
from healthpay_http.settings import HttpSettings

__all__ = ["Backend", "HealthCheck", "HealthPayApp", "HttpSettings", "Publications"]
