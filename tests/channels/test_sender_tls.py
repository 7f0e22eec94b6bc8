"""TLS: whose certificate is believed, which one is shown, and that a rotated one counts."""

import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme

from notifiers import sender
from notifiers.fields import Secret
from notifiers.notification import Retry
from notifiers.sender import TlsContext
from tests.channels.building import Findings
from tests.channels.tcp import Seen, answering, http, listening, server_context


def _pem(ca: trustme.CA) -> str:
    return ca.cert_pem.bytes().decode()


def _tls(**tls: Any) -> TlsContext:
    findings = Findings()
    context = sender.checked_http({"tls_config": tls}, findings)
    assert context is not None, findings.found
    return context


async def _post(port: int, context: ssl.SSLContext, host: str = "localhost") -> Any:
    async with sender.http_client(None, context, 3_000) as client:
        try:
            return (await sender.post(client, f"https://{host}:{port}/", {}, b"")).status
        except sender.ERRORS as error:
            return sender.classify_error(error)


async def test_a_company_s_own_authority_in_place_and_by_file(tmp_path: Path) -> None:
    ca = trustme.CA()
    path = tmp_path / "ca.pem"
    path.write_text(_pem(ca))
    async with listening(answering(Seen(), http()), server_context(ca, "localhost")) as port:
        assert await _post(port, _tls(ca=_pem(ca))) == 200
        assert await _post(port, _tls(ca=Secret(_pem(ca)))) == 200
        assert await _post(port, _tls(ca_file=str(path))) == 200
        refused = await _post(port, _tls())
        other = await _post(port, _tls(ca=_pem(trustme.CA())))
    for outcome in (refused, other):
        assert isinstance(outcome, Retry)
        assert "TLS" in outcome.text, "a person must see that it is the certificate"


async def test_the_name_of_the_certificate() -> None:
    ca, seen = trustme.CA(), Seen()
    context = server_context(ca, "inner.example.org", seen=seen)
    async with listening(answering(Seen(), http()), context) as port:
        assert isinstance(await _post(port, _tls(ca=_pem(ca))), Retry)
        assert await _post(port, _tls(ca=_pem(ca), server_name="inner.example.org")) == 200
        assert seen.servernames[-1] == "inner.example.org"
        wrong = _tls(ca=_pem(ca), server_name="other.example.org")
        assert isinstance(await _post(port, wrong), Retry)
        assert await _post(port, _tls(insecure_skip_verify=True)) == 200


async def test_a_certificate_of_ours_in_place_and_by_file_and_rotated(tmp_path: Path) -> None:
    ca, seen = trustme.CA(), Seen()
    context = server_context(ca, "localhost")
    ca.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    first, second = (ca.issue_cert(name) for name in ("one.example.org", "two.example.org"))
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"

    def rotate(to: trustme.LeafCert) -> None:
        cert.write_bytes(b"".join(blob.bytes() for blob in to.cert_chain_pems))
        key.write_bytes(to.private_key_pem.bytes())

    rotate(first)
    async with listening(answering(seen, http(200, b"", Connection="close")), context) as port:
        ours = _tls(ca=_pem(ca), cert_file=str(cert), key_file=str(key))
        assert await _post(port, ours) == 200
        rotate(second)
        assert await _post(port, ours) == 200
        inline = _tls(ca=_pem(ca), cert=cert.read_text(), key=Secret(key.read_text()))
        assert await _post(port, inline) == 200
        assert isinstance(await _post(port, _tls(ca=_pem(ca))), Retry)
        key.unlink()
        gone = await _post(port, ours)
    names = [c["subjectAltName"][0][1] for c in seen.certificates]  # type: ignore[index]
    assert names == ["one.example.org", "two.example.org", "two.example.org"]
    assert isinstance(gone, Retry), "in the middle of a rotation it comes back"


async def test_a_rotated_authority_replaces_the_old_one(tmp_path: Path) -> None:
    old, new = trustme.CA(), trustme.CA()
    path = tmp_path / "ca.pem"
    path.write_text(_pem(old))
    ours = _tls(ca_file=str(path))
    async with listening(answering(Seen(), http()), server_context(old, "localhost")) as port:
        assert await _post(port, ours) == 200
        path.write_text(_pem(new))
        assert isinstance(await _post(port, ours), Retry)


async def test_versions() -> None:
    ca = trustme.CA()
    context = server_context(ca, "localhost")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    async with listening(answering(Seen(), http()), context) as port:
        assert await _post(port, _tls(ca=_pem(ca), min_version="TLS10")) == 200
        assert await _post(port, _tls(ca=_pem(ca), max_version="TLS12")) == 200
        assert isinstance(await _post(port, _tls(ca=_pem(ca), min_version="TLS13")), Retry)


@pytest.mark.parametrize(
    "tls",
    [
        {"ca_file": "/nowhere"},
        {"ca": "no certificate"},
        {"cert": "no certificate", "key": Secret("no key")},
        {"min_version": "TLS13", "max_version": "TLS12"},
    ],
)
def test_what_a_file_holds_is_found_when_it_is_loaded(tls: Any) -> None:
    for http_config in ({"tls_config": tls}, {"oauth2": {"tls_config": tls}}):
        findings = Findings()
        assert sender.checked_http(http_config, findings) is None
        assert findings.codes == ["tls-file"]


def test_an_encrypted_key_is_a_finding_and_asks_no_terminal() -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"x"),
    )
    cert = trustme.CA().issue_cert("a.example.org").cert_chain_pems[0].bytes().decode()
    findings = Findings()
    tls = {"cert": cert, "key": Secret(key.decode())}
    assert sender.checked_http({"tls_config": tls}, findings) is None
    assert findings.codes == ["tls-file"]


def test_redirects_are_a_warning() -> None:
    findings = Findings()
    assert sender.checked_http({"follow_redirects": True}, findings) is not None
    assert (findings.codes, findings.warnings) == ([], ["http-redirects"])
