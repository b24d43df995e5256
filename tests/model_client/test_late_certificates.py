"""Certificates are read late, and before anybody is trusted: a server is trusted then who would have been at once."""

from __future__ import annotations

import ssl
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from charbench.model_client.late_certificates import certificates_when_needed
from support.command import clean_environment

# A certificate of localhost that says of itself who it is, until 2120, and its key: they are of no use anywhere else.
CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBYTCCAQegAwIBAgIBATAKBggqhkjOPQQDAjAUMRIwEAYDVQQDDAlsb2NhbGhv
c3QwIBcNMjAwMTAxMDAwMDAwWhgPMjEyMDAxMDEwMDAwMDBaMBQxEjAQBgNVBAMM
CWxvY2FsaG9zdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABJ3JsLpnexphkXET
DOTJCjFqzfvmCZXbVYlz7ncVoOdfDRg72MDWq3VkF4brRoU1Mctt8GQViJJwShgp
4cRd5qSjSDBGMBQGA1UdEQQNMAuCCWxvY2FsaG9zdDAPBgNVHRMBAf8EBTADAQH/
MB0GA1UdDgQWBBRvWUeUo3xWjO/HTJDrOqS/j9grUTAKBggqhkjOPQQDAgNIADBF
AiEAvezzz5PU4pGAKWv7T7YRXCLqwom2gz0ZhrOvEzwrPGcCIENZ+zZpY6nY4P1S
8l0X+EWZjLa7x13RFa9NsOvQDCd5
-----END CERTIFICATE-----
"""
KEY = """\
-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIHajATLu4UJbUtvqgoxDvhpQrxzEEoryplBgjJvbvoGJoAoGCCqGSM49
AwEHoUQDQgAEncmwumd7GmGRcRMM5MkKMWrN++YJldtViXPudxWg518NGDvYwNar
dWQXhutGhTUxy23wZBWIknBKGCnhxF3mpA==
-----END EC PRIVATE KEY-----
"""


@pytest.fixture
def server(tmp_path: Path) -> ssl.SSLContext:
    """What localhost says that it is."""
    (tmp_path / "both.pem").write_text(KEY + CERTIFICATE)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "both.pem")
    return context


@pytest.fixture
def trusting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the system trust that."""
    (tmp_path / "trusted.pem").write_text(CERTIFICATE)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "trusted.pem"))


@pytest.fixture
def trusting_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the system trust nobody."""
    (tmp_path / "none.pem").write_text("")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))


def made_late() -> ssl.SSLContext:
    with certificates_when_needed():
        return ssl.create_default_context()


def connect(client: ssl.SSLContext, server: ssl.SSLContext, name: str = "localhost") -> None:
    """Let a client and a server shake hands in memory."""
    sent, received = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [
        client.wrap_bio(received, sent, server_hostname=name),
        server.wrap_bio(sent, received, server_side=True),
    ]
    for _ in range(6):
        for side in list(sides):
            try:
                side.do_handshake()
                sides.remove(side)
            except ssl.SSLWantReadError:
                pass
    assert not sides


@pytest.mark.usefixtures("trusting")
def test_a_server_that_the_system_trusts_is_trusted(server: ssl.SSLContext) -> None:
    context = made_late()
    connect(context, server)
    connect(context, server)
    assert type(context) is ssl.SSLContext


@pytest.mark.usefixtures("trusting_nobody")
def test_a_server_that_nobody_vouches_for_is_refused(server: ssl.SSLContext) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        connect(made_late(), server)


@pytest.mark.usefixtures("trusting")
def test_a_server_by_another_name_is_refused(server: ssl.SSLContext) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        connect(made_late(), server, "example.org")


@pytest.mark.usefixtures("trusting")
def test_whoever_looks_at_the_certificates_sees_them() -> None:
    assert made_late().cert_store_stats() == ssl.create_default_context().cert_store_stats()
    assert made_late().get_ca_certs() == ssl.create_default_context().get_ca_certs()
    assert len(made_late().get_ca_certs()) == 1


@pytest.mark.usefixtures("trusting")
def test_contexts_of_other_threads_and_of_other_packages_are_as_ever() -> None:
    class Own(ssl.SSLContext):
        pass

    made: list[ssl.SSLContext] = []
    with certificates_when_needed():
        thread = threading.Thread(target=lambda: made.append(ssl.create_default_context()))
        thread.start()
        thread.join()
        own = Own(ssl.PROTOCOL_TLS_CLIENT)
        own.set_default_verify_paths()
    assert type(made[0]) is ssl.SSLContext
    assert type(own) is Own
    assert "set_default_verify_paths" not in vars(ssl.SSLContext)


@pytest.mark.slow
def test_importing_the_client_reads_no_certificates_and_leaves_aiohttp_as_able_as_ever() -> None:
    code = """
import ssl
from charbench.model_client import http_client
http_client.load_client()
from aiohttp import connector
context = connector._SSL_CONTEXT_VERIFIED
assert type(context) is not ssl.SSLContext, "it has read the certificates"
assert context.cert_store_stats() == ssl.create_default_context().cert_store_stats()
assert context.verify_mode == ssl.CERT_REQUIRED and context.check_hostname
"""
    subprocess.run([sys.executable, "-c", code], env=clean_environment(), check=True)
