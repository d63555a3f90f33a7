package io.bianque.streams.names;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.util.Random;
import org.junit.jupiter.api.Test;

class RecentAddressesTest {
  private final RecentAddresses recent = new RecentAddresses();

  /** More than there is room for: those of one place take turns. */
  @Test
  void anAddressIsTheSameWhenItComesAgainAndNeverAnother() {
    Random random = new Random(3);
    for (int i = 0; i < 50_000; i++) {
      byte[] bytes = new byte[random.nextBoolean() ? 4 : 16];
      bytes[0] = 10;
      bytes[bytes.length - 2] = (byte) random.nextInt(40);
      bytes[bytes.length - 1] = (byte) random.nextInt();
      ByteBuffer buffer = ByteBuffer.allocate(20).put(3, bytes).slice(3, bytes.length);

      IpAddress address = recent.of(buffer);

      assertThat(address).isEqualTo(IpAddress.of(bytes)).isSameAs(recent.of(buffer));
      assertThat(address).hasToString(IpAddress.of(bytes).toString());
      assertThat(buffer.remaining()).isEqualTo(bytes.length);
    }
  }

  @Test
  void whatIsReadIntoTheSameBytesLaterIsAnotherAddress() {
    byte[] bytes = {10, 0, 0, 1};
    IpAddress first = recent.of(ByteBuffer.wrap(bytes));
    bytes[3] = 2;

    assertThat(recent.of(ByteBuffer.wrap(bytes))).hasToString("10.0.0.2");
    assertThat(first).hasToString("10.0.0.1");
  }

  @Test
  void otherLengthsAreNoAddress() {
    assertThat(recent.of(ByteBuffer.allocate(0))).isNull();
    assertThat(recent.of(ByteBuffer.allocate(5))).isNull();
    assertThat(recent.of(ByteBuffer.allocate(17))).isNull();
  }
}
