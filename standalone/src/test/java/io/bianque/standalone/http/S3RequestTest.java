package io.bianque.standalone.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.URI;
import java.time.Instant;
import org.junit.jupiter.api.Test;

class S3RequestTest {

  /**
   * Amazon's own example of a signed GET of a bucket's lifecycle, from the documentation of
   * Signature Version 4.
   */
  @Test
  void signsAsAmazonDoes() {
    S3Request keys =
        new S3Request("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");

    assertThat(
            keys.sign(
                "GET",
                URI.create("http://examplebucket.s3.amazonaws.com/?lifecycle="),
                Instant.parse("2013-05-24T00:00:00Z")))
        .extractingByKey("Authorization")
        .asString()
        .endsWith("Signature=fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
  }
}
