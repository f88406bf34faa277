#!/usr/bin/perl
# Messages that are hard to sign: writes one file a case into a directory, with CRLF line ends.
#
#   canonical_cases.pl DIRECTORY FROM TO
#
# Each has the field X-Case with its name. What SMTP or Postfix's SMTP server change by themselves is
# left out: a body without a final line end, CR before CRLF.
use strict;
use warnings;

my ($directory, $from, $to) = @ARGV;
die "usage: canonical_cases.pl DIRECTORY FROM TO\n" unless defined $to;

my $umlauts = "Gr\xc3\xbc\xc3\x9fe aus K\xc3\xb6ln\r\n";
my $mime    = "MIME-Version: 1.0\r\n";
my $plain   = "${mime}Content-Type: text/plain; charset=utf-8\r\n";
my $eight   = "${plain}Content-Transfer-Encoding: 8bit\r\n";

sub part {
    my ($header, $body) = @_;
    return "$header\r\n$body\r\n";
}

sub multipart {
    my ($boundary, @parts) = @_;
    return join('', map {"--$boundary\r\n$_"} @parts) . "--$boundary--\r\n";
}

my $text8  = part("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n", $umlauts);
my $text7  = part("Content-Type: text/plain\r\n", 'seven bits');
my $binary = part("Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n",
    join('', map { chr } grep { $_ != 10 && $_ != 13 } 0 .. 255) x 4);

sub mixed {
    my ($boundary, @rest) = @_;
    return qq{${mime}Content-Type: multipart/mixed; boundary="$boundary"\r\n};
}

my $inner_8 = "From: x\@example.net\r\nSubject: inner\r\n${eight}\r\n$umlauts";
my $pgp_signed = qq{Content-Type: multipart/signed; boundary=pgp; micalg=pgp-sha256;\r\n}
    . qq{\tprotocol="application/pgp-signature"\r\n\r\n}
    . multipart('pgp', part("Content-Type: text/plain\r\n", "signed elsewhere"),
    part("Content-Type: application/pgp-signature\r\n", "-----BEGIN PGP SIGNATURE-----\r\n\r\niQ==\r\n-----END PGP SIGNATURE-----"));
my $pgp_signed_8 = $pgp_signed =~ s/signed elsewhere/Gr\xc3\xbc\xc3\x9fe/r;
my $pgp_encrypted = multipart('pgpe',
    part("Content-Type: application/pgp-encrypted\r\n", 'Version: 1'),
    part("Content-Type: application/octet-stream\r\n", "-----BEGIN PGP MESSAGE-----\r\n\r\nhQ==\r\n-----END PGP MESSAGE-----"));
my $smime_part = part("Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m\r\n"
    . "Content-Transfer-Encoding: base64\r\n", 'MIIBBgYJKoZIhvcNAQcDoIH4MIH1AgEAMYG4');

# Name, header fields, body.
my @cases = (
    ['plain', $plain, "Hello\r\n"],
    ['eight-bit', $eight, $umlauts],
    ['eight-bit-undeclared', $plain, $umlauts],
    ['binary', "${mime}Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n",
        join('', map { chr } grep { $_ != 10 && $_ != 13 } 0 .. 255) x 20 . "\r\n"],
    ['nul', $plain, "before\0after\r\n\0\0\r\nend\r\n"],
    ['nul-in-header-of-part', mixed('b'), multipart('b', part("Content-Type: text/plain\r\nX-Odd: a\xc3\xa4b\r\n", 'x'))],
    ['long-lines', $plain, ('x' x 5000) . "\r\n" . ('word ' x 3000) . "\r\n"],
    ['long-line-998', $plain, ('y' x 998) . "\r\n" . ('z' x 999) . "\r\n"],
    ['bare-cr', $plain, "one\rtwo\r\n\rthree\r\r\rfour\r\n"],
    ['bare-lf', $plain, "one\ntwo\n\nthree\r\n"],
    ['trailing-blanks', $plain, "one \r\ntwo\t\r\n   \r\n-- \r\nend  \r\n"],
    ['from-lines', $plain, "From here\r\n>From there\r\n\r\nFrom again\r\n"],
    ['dots', $plain, ".\r\n..\r\n.one\r\n\r\n.\r\nend\r\n"],
    ['blank-lines-at-end', $plain, "text\r\n\r\n\r\n\r\n"],
    ['quoted-printable', "${plain}Content-Transfer-Encoding: quoted-printable\r\n", "Gr=C3=BC=C3=9Fe=20=\r\nhere=20\r\n"],
    ['base64-odd', "${mime}Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n", "AAEC\r\nAwQFBgcICQ==\r\n"],
    ['no-content-type', '', "no MIME at all\r\n"],
    ['no-content-type-8', '', $umlauts],
    ['no-mime-version', "Content-Type: text/html\r\n", "<p>hello</p>\r\n"],
    ['no-mime-version-8', "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n", $umlauts],
    ['mime-version-only', $mime, "hello\r\n"],
    ['lower-case', "mime-version: 1.0\r\ncontent-type: TEXT/Plain;\r\n\tCharset=\"UTF-8\"\r\ncontent-transfer-encoding: 8BIT\r\n", $umlauts],
    ['content-fields', "${plain}Content-Language: de\r\nContent-Disposition: inline;\r\n filename=\"a b.txt\"\r\nContent-ID: <1\@example.com>\r\nContent-Description: kept\r\nContent-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==\r\nContent-X-Own: kept too\r\n", "hello\r\n"],
    ['empty-body', $plain, ''],
    ['empty-body-no-mime', '', ''],
    ['blank-body', $plain, "\r\n"],
    ['multipart', mixed('simple'), multipart('simple', $text7, $text8, $binary)],
    ['preamble', mixed('p'), "This is the preamble,\r\nof two lines.\r\n" . multipart('p', $text7, $text8)],
    ['preamble-huge', mixed('p'), ("A preamble may be long. " x 3 . "\r\n") x 15000 . multipart('p', $text7)],
    ['preamble-8', mixed('p'), "Vorwort: $umlauts" . multipart('p', $text7)],
    ['epilogue', mixed('e'), multipart('e', $text7, $text8) . "This is the epilogue.\r\nof two lines\r\n"],
    ['boundary-semicolon', mixed('a;b=c; d'), multipart('a;b=c; d', $text7, $text8)],
    ['boundary-all', mixed(q{=_'()+_,-./:=?}), multipart(q{=_'()+_,-./:=?}, $text7, $text8)],
    ['boundary-70', mixed('B' x 70), multipart('B' x 70, $text7, $text8)],
    ['boundary-dashes', mixed('--'), multipart('--', $text7, $text8)],
    ['boundary-prefix', mixed('outer'), multipart('outer', part("Content-Type: multipart/mixed; boundary=outer-in\r\n", multipart('outer-in', $text8)), $text7)],
    ['delimiter-never-comes', mixed('never'), "There is no delimiter here.\r\n--other\r\n$umlauts"],
    ['no-closing-delimiter', mixed('open'), "--open\r\n$text7--open\r\n$text8"],
    ['delimiter-with-blanks', mixed('w'), "--w  \r\n${text7}--w\t\r\n${text8}--w-- \r\n"],
    ['no-parts', mixed('none'), "--none--\r\n"],
    ['nested', mixed('n1'), multipart('n1', $text7, part(qq{Content-Type: multipart/alternative; boundary="n2"\r\n},
        multipart('n2', $text8, part(qq{Content-Type: multipart/related; boundary="n3"\r\n}, multipart('n3', $text8, $binary)))))],
    ['deep', mixed('d0'), do {
        my $inner = multipart('d30', $text8);
        $inner = multipart("d$_", part(qq{Content-Type: multipart/mixed; boundary="d} . ($_ + 1) . qq{"\r\n}, $inner))
            for reverse 0 .. 29;
        $inner;
    }],
    ['rfc822', mixed('m'), multipart('m', $text7, part("Content-Type: message/rfc822\r\n", "Subject: inner\r\n${plain}\r\nhello"))],
    ['rfc822-8', mixed('m'), multipart('m', $text7, part("Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n", $inner_8))],
    ['rfc822-whole', "${mime}Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n", $inner_8],
    ['rfc822-multipart', mixed('m'), multipart('m', part("Content-Type: message/rfc822\r\n", "Subject: inner\r\n" . mixed('in') . "\r\n" . multipart('in', $text8, $binary)))],
    ['digest', "${mime}Content-Type: multipart/digest; boundary=dig\r\n", multipart('dig', "\r\nSubject: one\r\n${plain}\r\nhello\r\n", "\r\nSubject: two\r\n${plain}\r\nhello\r\n")],
    ['smime-part', mixed('s'), multipart('s', $text8, $smime_part)],
    ['pgp-signed-part', mixed('g'), multipart('g', $text8, $pgp_signed)],
    ['pgp-signed-part-8', mixed('g'), multipart('g', $text7, $pgp_signed_8)],
    ['pgp-encrypted', qq{${mime}Content-Type: multipart/encrypted; boundary=pgpe; protocol="application/pgp-encrypted"\r\n}, $pgp_encrypted],
    ['pgp-inline', $plain, "-----BEGIN PGP SIGNED MESSAGE-----\r\nHash: SHA256\r\n\r\n- - dashes \r\n-----BEGIN PGP SIGNATURE-----\r\n\r\niQ==\r\n-----END PGP SIGNATURE-----\r\n"],
    ['eight-bit-part-header', mixed('h'), multipart('h', part("Content-Type: text/plain; name=\"\xc3\xa4.txt\"\r\nContent-Disposition: attachment; filename=\"\xc3\xa4.txt\"\r\n", 'x'))],
    ['part-without-header', mixed('q'), multipart('q', "\r\nno header, seven bits\r\n", "\r\n$umlauts")],
    ['message-partial', "${mime}Content-Type: message/partial; id=\"a\@b\"; number=1; total=2\r\n", "Subject: inner\r\n\r\nfirst half\r\n"],
    ['text-utf8-long', $eight, ("\xc3\xa4" x 2000) . "\r\n"],
    ['many-parts', mixed('mp'), multipart('mp', ($text8) x 300)],
);

for my $case (@cases) {
    my ($name, $header, $body) = @$case;
    open my $file, '>:raw', "$directory/$name.eml" or die "$directory/$name.eml: $!\n";
    print {$file} "From: $from\r\nTo: $to\r\nSubject: $name\r\nX-Case: $name\r\n"
        . "Message-ID: <$name\@example.com>\r\nDate: Mon, 01 Jun 2026 10:00:00 +0000\r\n$header\r\n$body";
    close $file or die "$directory/$name.eml: $!\n";
}
