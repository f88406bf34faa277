// BouncyCastle as an independent judge of CMS: signs, verifies, encrypts and decrypts raw DER.
//
//   Bc sign CERT KEY ALGORITHM attached|detached   < content > der
//   Bc verify DER [CONTENT]                        > content
//   Bc encrypt CERT TRANSPORT CIPHER               < content > der
//     TRANSPORT is pkcs1, oaep, ecdh or ecdh-sha256|sha384|sha512-aes128|aes192|aes256
//     CIPHER is cbc, gcm, rc2-40, rc2-64 or rc2-128
//   Bc decrypt CERT KEY                            < der     > content
//
// CERT and KEY (PKCS#8) are PEM files. Exit status 1 and a line on standard error when it cannot.

import java.io.FileReader;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.Security;
import java.security.cert.X509Certificate;
import java.security.interfaces.ECPublicKey;
import java.security.spec.MGF1ParameterSpec;
import java.util.Arrays;
import java.util.Collection;
import javax.crypto.spec.OAEPParameterSpec;
import javax.crypto.spec.PSource;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.cms.CMSObjectIdentifiers;
import org.bouncycastle.asn1.cms.ContentInfo;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.asn1.pkcs.PrivateKeyInfo;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.jcajce.JcaCertStore;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cms.*;
import org.bouncycastle.cms.jcajce.*;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.openssl.PEMParser;
import org.bouncycastle.openssl.jcajce.JcaPEMKeyConverter;
import org.bouncycastle.operator.OutputAEADEncryptor;
import org.bouncycastle.operator.OutputEncryptor;
import org.bouncycastle.operator.jcajce.*;

public final class Bc {
    public static void main(String[] args) throws Exception {
        Security.addProvider(new BouncyCastleProvider());
        try {
            byte[] out = switch (args[0]) {
                case "sign" -> sign(args);
                case "verify" -> verify(args);
                case "encrypt" -> encrypt(args);
                case "decrypt" -> decrypt(args);
                default -> throw new IllegalArgumentException("unknown command " + args[0]);
            };
            System.out.write(out);
            System.out.flush();
        } catch (CMSException | IllegalArgumentException e) {
            System.err.println("Bc: " + e.getMessage());
            System.exit(1);
        }
    }

    private static byte[] input() throws Exception {
        try (InputStream in = System.in) {
            return in.readAllBytes();
        }
    }

    private static X509Certificate certificate(String path) throws Exception {
        try (PEMParser parser = new PEMParser(new FileReader(path))) {
            return new JcaX509CertificateConverter().getCertificate((X509CertificateHolder) parser.readObject());
        }
    }

    private static PrivateKey key(String path) throws Exception {
        try (PEMParser parser = new PEMParser(new FileReader(path))) {
            return new JcaPEMKeyConverter().getPrivateKey((PrivateKeyInfo) parser.readObject());
        }
    }

    private static byte[] sign(String[] args) throws Exception {
        X509Certificate certificate = certificate(args[1]);
        CMSSignedDataGenerator generator = new CMSSignedDataGenerator();
        generator.addSignerInfoGenerator(
            new JcaSignerInfoGeneratorBuilder(new JcaDigestCalculatorProviderBuilder().setProvider("BC").build())
                .build(new JcaContentSignerBuilder(args[3]).setProvider("BC").build(key(args[2])), certificate));
        generator.addCertificates(new JcaCertStore(Arrays.asList(certificate)));
        return generator.generate(new CMSProcessableByteArray(input()), args[4].equals("attached")).getEncoded();
    }

    private static byte[] verify(String[] args) throws Exception {
        byte[] der = Files.readAllBytes(Path.of(args[1]));
        byte[] content = args.length > 2 ? Files.readAllBytes(Path.of(args[2])) : null;
        CMSSignedData data =
            content != null ? new CMSSignedData(new CMSProcessableByteArray(content), der) : new CMSSignedData(der);
        Collection<SignerInformation> signers = data.getSignerInfos().getSigners();
        if (signers.isEmpty())
            throw new CMSException("no signers");
        for (SignerInformation signer : signers) {
            Collection<X509CertificateHolder> found = data.getCertificates().getMatches(signer.getSID());
            if (found.isEmpty())
                throw new CMSException("the signer's certificate is not there");
            if (!signer.verify(
                    new JcaSimpleSignerInfoVerifierBuilder().setProvider("BC").build(found.iterator().next())))
                throw new CMSException("the signature does not verify");
        }
        return content != null ? content : (byte[]) data.getSignedContent().getContent();
    }

    private static RecipientInfoGenerator agreement(X509Certificate certificate, String kdf, String wrap)
        throws Exception {
        KeyPairGenerator pairs = KeyPairGenerator.getInstance("EC", "BC");
        pairs.initialize(((ECPublicKey) certificate.getPublicKey()).getParams());
        KeyPair ephemeral = pairs.generateKeyPair();
        ASN1ObjectIdentifier scheme = switch (kdf) {
            case "sha384" -> CMSAlgorithm.ECDH_SHA384KDF;
            case "sha512" -> CMSAlgorithm.ECDH_SHA512KDF;
            default -> CMSAlgorithm.ECDH_SHA256KDF;
        };
        ASN1ObjectIdentifier wrapping = switch (wrap) {
            case "aes128" -> CMSAlgorithm.AES128_WRAP;
            case "aes192" -> CMSAlgorithm.AES192_WRAP;
            default -> CMSAlgorithm.AES256_WRAP;
        };
        return new JceKeyAgreeRecipientInfoGenerator(scheme, ephemeral.getPrivate(), ephemeral.getPublic(), wrapping)
            .addRecipient(certificate)
            .setProvider("BC");
    }

    private static RecipientInfoGenerator recipient(X509Certificate certificate, String transport) throws Exception {
        String[] parts = transport.split("-");
        switch (parts[0]) {
        case "oaep":
            OAEPParameterSpec spec =
                new OAEPParameterSpec("SHA-256", "MGF1", MGF1ParameterSpec.SHA256, PSource.PSpecified.DEFAULT);
            return new JceKeyTransRecipientInfoGenerator(
                certificate,
                new JcaAlgorithmParametersConverter().getAlgorithmIdentifier(PKCSObjectIdentifiers.id_RSAES_OAEP, spec))
                .setProvider("BC");
        case "ecdh":
            return parts.length == 3 ? agreement(certificate, parts[1], parts[2])
                                     : agreement(certificate, "sha256", "aes256");
        default:
            return new JceKeyTransRecipientInfoGenerator(certificate).setProvider("BC");
        }
    }

    private static JceCMSContentEncryptorBuilder cipher(String name) {
        return switch (name) {
            case "cbc" -> new JceCMSContentEncryptorBuilder(CMSAlgorithm.AES256_CBC);
            case "gcm" -> new JceCMSContentEncryptorBuilder(CMSAlgorithm.AES256_GCM);
            case "rc2-40", "rc2-64", "rc2-128" ->
                new JceCMSContentEncryptorBuilder(CMSAlgorithm.RC2_CBC, Integer.parseInt(name.substring(4)));
            default -> throw new IllegalArgumentException("unknown cipher " + name);
        };
    }

    private static byte[] encrypt(String[] args) throws Exception {
        RecipientInfoGenerator recipient = recipient(certificate(args[1]), args[2]);
        CMSTypedData content = new CMSProcessableByteArray(input());
        OutputEncryptor encryptor = cipher(args[3]).setProvider("BC").build();
        if (args[3].equals("gcm")) {
            CMSAuthEnvelopedDataGenerator generator = new CMSAuthEnvelopedDataGenerator();
            generator.addRecipientInfoGenerator(recipient);
            return generator.generate(content, (OutputAEADEncryptor) encryptor).getEncoded();
        }
        CMSEnvelopedDataGenerator generator = new CMSEnvelopedDataGenerator();
        generator.addRecipientInfoGenerator(recipient);
        return generator.generate(content, encryptor).getEncoded();
    }

    private static Recipient opener(RecipientInformation info, PrivateKey key, boolean authenticated)
        throws CMSException {
        if (info instanceof KeyAgreeRecipientInformation && authenticated)
            throw new CMSException("this version has no key agreement for AuthEnvelopedData");
        if (info instanceof KeyAgreeRecipientInformation)
            return new JceKeyAgreeEnvelopedRecipient(key).setProvider("BC");
        return authenticated ? new JceKeyTransAuthEnvelopedRecipient(key).setProvider("BC")
                             : new JceKeyTransEnvelopedRecipient(key).setProvider("BC");
    }

    private static byte[] decrypt(String[] args) throws Exception {
        X509CertificateHolder holder = new X509CertificateHolder(certificate(args[1]).getEncoded());
        byte[] der = input();
        boolean authenticated =
            ContentInfo.getInstance(der).getContentType().equals(CMSObjectIdentifiers.authEnvelopedData);
        RecipientInformationStore store = authenticated ? new CMSAuthEnvelopedData(der).getRecipientInfos()
                                                        : new CMSEnvelopedData(der).getRecipientInfos();
        for (RecipientInformation info : store.getRecipients())
            if (info.getRID().match(holder))
                return info.getContent(opener(info, key(args[2]), authenticated));
        throw new CMSException("not encrypted to this certificate");
    }
}
