#!/usr/bin/python3
"""Do the fields of a message say what they should, as other programs read them?

    check_verdict_fields.py MESSAGE RESULT VERDICT SUBJECT [CERTIFICATE ADDRESS]

RESULT is that of Authentication-Results (RFC 8601, RFC 7281), read by authres; VERDICT that of
X-Smimed-Signature; SUBJECT what a person reads. With the signer's CERTIFICATE (PEM) and his ADDRESS all
that is told of him has to be what the openssl command says; without, nothing may be told."""
import email
import email.policy
import re
import subprocess
import sys

import authres
import authres.smime


def same(what, found, wanted):
    if found != wanted:
        sys.exit(f"{what}: {found!r}, not {wanted!r}")


def openssl(certificate, *options):
    said = subprocess.run(["openssl", "x509", "-noout", "-in", certificate, *options],
                          stdout=subprocess.PIPE, check=True, text=True).stdout
    return dict(line.split("=", 1) for line in said.strip().split("\n"))


def unquoted(text):
    """authres takes the quotes off and leaves quoted pairs (RFC 5322 section 3.2.1)."""
    return re.sub(r"\\(.)", r"\1", text)


def moment(text):
    return text.replace(" ", "T")


def main(path, result, verdict, subject, certificate=None, address=None):
    with open(path, "rb") as file:
        message = email.message_from_binary_file(file, policy=email.policy.default)
    fields = message.get_all("Authentication-Results")
    same("number of Authentication-Results", len(fields), 1)
    parsed = authres.FeatureContext(authres.smime).parse("Authentication-Results: " + fields[0])
    same("authserv-id", parsed.authserv_id, "mx.example.com")
    same("number of results", len(parsed.results), 1)
    smime = parsed.results[0]
    same("method", smime.method, "smime")
    same("result", smime.result, result)
    same("verdict", message["X-Smimed-Signature"], verdict)
    same("subject", message["Subject"], subject)
    if result not in ("none", "pass"):
        same("reason", unquoted(smime.reason), message["X-Smimed-Signature-Reason"])
    names = ("Signer", "Issuer", "Serial", "Fingerprint", "Validity")
    told = {name: message.get_all("X-Smimed-" + name) for name in names}
    if certificate is None:
        same("signer", [told[name] for name in names], [None] * 5)
        same("identifier", smime.body_smime_identifier, None)
        same("serial", smime.body_smime_serial, None)
        same("issuer", smime.body_smime_issuer, None)
        return
    wanted = openssl(certificate, "-subject", "-issuer", "-serial", "-nameopt", "RFC2253")
    serial = wanted["serial"].lstrip("0")
    same("X-Smimed-Signer", told["Signer"], [wanted["subject"]])
    same("X-Smimed-Issuer", told["Issuer"], [wanted["issuer"]])
    same("X-Smimed-Serial", told["Serial"][0].lstrip("0"), serial)
    same("body.smime-identifier", smime.body_smime_identifier, address)
    same("body.smime-serial", smime.body_smime_serial.lstrip("0"), serial)
    same("body.smime-issuer", unquoted(smime.body_smime_issuer), wanted["issuer"])
    (fingerprint,) = openssl(certificate, "-fingerprint", "-sha256").values()
    same("X-Smimed-Fingerprint", re.sub("[^0-9A-F]", "", told["Fingerprint"][0].upper()),
         fingerprint.replace(":", ""))
    dates = openssl(certificate, "-dates", "-dateopt", "iso_8601")
    same("X-Smimed-Validity", told["Validity"],
         [moment(dates["notBefore"]) + "/" + moment(dates["notAfter"])])


main(*sys.argv[1:])
