#!/usr/bin/python3
"""Who signed what lies at this part of a message?

    check_signature_part.py MESSAGE PART

PART is body.smime-part of RFC 7281: part numbers of RFC 3501, with a "/" before those within a CMS
content. Prints the subject of the signer's certificate. The parts are found by Python's own MIME
parser and CMS is opened by the openssl command."""
import email
import email.policy
import subprocess
import sys


def openssl(command, data):
    return subprocess.run(["openssl"] + command, input=data, stdout=subprocess.PIPE, check=True).stdout


def part_of(message, numbers):
    for at, number in enumerate(numbers):
        if message.is_multipart():
            message = message.get_payload()[int(number) - 1]
        elif number != "1" or at != len(numbers) - 1:
            sys.exit(f"there is no part {'.'.join(numbers)}")
    return message


def main(path, part):
    with open(path, "rb") as file:
        message = email.message_from_bytes(file.read(), policy=email.policy.SMTP)
    sections = part.split("/")
    for section in sections[:-1]:
        inside = openssl(["cms", "-verify", "-noverify", "-inform", "DER"],
                         part_of(message, section.split(".")).get_payload(decode=True))
        message = email.message_from_bytes(inside, policy=email.policy.SMTP)
    found = part_of(message, sections[-1].split("."))
    if found.get_content_type() not in ("application/pkcs7-signature", "application/pkcs7-mime"):
        sys.exit(f"part {part} is {found.get_content_type()}")
    sys.stdout.buffer.write(openssl(["pkcs7", "-inform", "DER", "-print_certs", "-noout"],
                                    found.get_payload(decode=True)))


main(*sys.argv[1:])
