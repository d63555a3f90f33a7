package io.bianque.standalone.http;

import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.HexFormat;
import java.util.Map;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * Requests without body, signed by Amazon's Signature Version 4: enough to see that an object store
 * answers and knows our credentials, and to make a bucket, without 15 MB of SDK in the supervisor.
 */
public record S3Request(String accessKey, String secretKey) {

  private static final String REGION = "us-east-1";
  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmss'Z'").withZone(ZoneOffset.UTC);
  private static final HexFormat HEX = HexFormat.of();

  public Http.Answer send(String method, URI uri) throws IOException {
    return Http.request(method, uri, sign(method, uri, Instant.now()));
  }

  /** The headers that make the request a signed one. */
  Map<String, String> sign(String method, URI uri, Instant now) {
    String time = TIME.format(now);
    String day = time.substring(0, 8);
    String emptyBody = hex(sha256(""));
    String canonical =
        String.join(
            "\n",
            method,
            uri.getRawPath().isEmpty() ? "/" : uri.getRawPath(),
            uri.getRawQuery() == null ? "" : uri.getRawQuery(),
            "host:" + uri.getAuthority(),
            "x-amz-content-sha256:" + emptyBody,
            "x-amz-date:" + time,
            "",
            "host;x-amz-content-sha256;x-amz-date",
            emptyBody);
    String scope = day + "/" + REGION + "/s3/aws4_request";
    String toSign = String.join("\n", "AWS4-HMAC-SHA256", time, scope, hex(sha256(canonical)));
    byte[] key = ("AWS4" + secretKey).getBytes(StandardCharsets.UTF_8);
    for (String step : new String[] {day, REGION, "s3", "aws4_request"}) {
      key = hmac(key, step);
    }
    return Map.of(
        "x-amz-date", time,
        "x-amz-content-sha256", emptyBody,
        "Authorization",
            "AWS4-HMAC-SHA256 Credential="
                + accessKey
                + "/"
                + scope
                + ", SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature="
                + hex(hmac(key, toSign)));
  }

  private static byte[] sha256(String text) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
    } catch (GeneralSecurityException impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  private static byte[] hmac(byte[] key, String text) {
    try {
      Mac mac = Mac.getInstance("HmacSHA256");
      mac.init(new SecretKeySpec(key, "HmacSHA256"));
      return mac.doFinal(text.getBytes(StandardCharsets.UTF_8));
    } catch (GeneralSecurityException impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  private static String hex(byte[] bytes) {
    return HEX.formatHex(bytes);
  }
}
