package io.bianque.standalone.part;

import io.bianque.standalone.http.Http;
import io.bianque.standalone.http.S3Request;
import io.bianque.standalone.stack.Command;
import io.bianque.standalone.stack.Layout;
import io.bianque.standalone.stack.Part;
import io.bianque.standalone.stack.Ports;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.HexFormat;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;

/** S3Proxy over a folder, with signed requests only. */
public final class ObjectStore {

  public static final String NAME = "object-store";
  public static final String BUCKET = "bianque";

  private ObjectStore() {}

  public static Part part(Layout layout, Ports ports) {
    URI url = ports.http(ports.objectStore());
    return new Part(
        NAME,
        Versions.of(NAME),
        url,
        layout.log(NAME),
        Set.of(),
        Set.of(),
        Duration.ofSeconds(5),
        Part.Ends.NEVER,
        () -> prepare(layout, ports),
        () -> problem(layout, url),
        () -> makeBucket(layout, url));
  }

  /** The file with {@code access.key} and {@code secret.key}, made at the first start. */
  public static Path credentialsFile(Layout layout) {
    return layout.of(NAME).resolve("credentials.properties");
  }

  public static S3Request credentials(Layout layout) throws IOException {
    Properties keys = new Properties();
    try (var in = Files.newBufferedReader(credentialsFile(layout))) {
      keys.load(in);
    }
    return new S3Request(keys.getProperty("access.key"), keys.getProperty("secret.key"));
  }

  private static Command prepare(Layout layout, Ports ports) throws IOException {
    Path folder = layout.of(NAME);
    Path files = folder.resolve("files");
    Files.createDirectories(files);
    if (!Files.exists(credentialsFile(layout))) {
      byte[] secret = new byte[20];
      new SecureRandom().nextBytes(secret);
      writePrivately(
          credentialsFile(layout),
          "access.key=bianque\nsecret.key=" + HexFormat.of().formatHex(secret) + "\n");
    }
    S3Request keys = credentials(layout);
    Path config = folder.resolve("s3proxy.conf");
    writePrivately(
        config,
        """
        s3proxy.endpoint=http://127.0.0.1:%d
        s3proxy.authorization=aws-v4
        s3proxy.identity=%s
        s3proxy.credential=%s
        jclouds.provider=filesystem-nio2
        jclouds.filesystem.basedir=%s
        """
            .formatted(ports.objectStore(), keys.accessKey(), keys.secretKey(), files));
    return Jvm.run(
        layout,
        NAME,
        layout.server(NAME).resolve("lib"),
        "96m",
        "org.gaul.s3proxy.Main",
        "--properties",
        config.toString());
  }

  private static void writePrivately(Path file, String text) throws IOException {
    Files.deleteIfExists(file);
    Files.createFile(
        file, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    Files.writeString(file, text);
  }

  private static Optional<String> problem(Layout layout, URI url) {
    try {
      Http.Answer answer = credentials(layout).send("GET", url.resolve("/"));
      return answer.isOk()
          ? Optional.empty()
          : Optional.of("a signed request to " + url + " is answered by HTTP " + answer.status());
    } catch (IOException none) {
      return Optional.of("no answer from " + url + ": " + none.getMessage());
    }
  }

  private static void makeBucket(Layout layout, URI url) throws IOException {
    S3Request signed = credentials(layout);
    URI bucket = url.resolve("/" + BUCKET);
    if (signed.send("HEAD", bucket).status() == 404) {
      signed.send("PUT", bucket).orFail("making the bucket " + BUCKET);
    }
  }
}
