package io.bianque.tests.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.xbill.DNS.DClass;
import org.xbill.DNS.Message;
import org.xbill.DNS.Name;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Record;
import org.xbill.DNS.ReverseMap;
import org.xbill.DNS.Section;
import org.xbill.DNS.SimpleResolver;
import org.xbill.DNS.Type;

/**
 * The server of the tests is itself tested, by a resolver: a name that is missing in a document
 * must not be its fault.
 */
class ReverseDnsTest {

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void namesAddressesOfBothFamiliesOverBothProtocols(boolean tcp) throws IOException {
    try (ReverseDns server =
        ReverseDns.serving(Map.of("192.0.2.1", "west.example", "2001:db8::2", "east.example"))) {
      assertThat(ask(server, "192.0.2.1", tcp).getSection(Section.ANSWER))
          .singleElement()
          .extracting(Record::rdataToString)
          .isEqualTo("west.example.");
      assertThat(ask(server, "2001:db8::2", tcp).getSection(Section.ANSWER))
          .singleElement()
          .extracting(Record::rdataToString)
          .isEqualTo("east.example.");
      assertThat(server.questions()).isEqualTo(2);
    }
  }

  @Test
  void saysThatAnAddressHasNoName() throws IOException {
    try (ReverseDns server = ReverseDns.serving(Map.of("192.0.2.1", "west.example"))) {
      assertThat(ask(server, "192.0.2.9", false).getRcode()).isEqualTo(Rcode.NXDOMAIN);
      assertThat(ask(server, "198.51.100.1", false).getRcode()).isEqualTo(Rcode.REFUSED);
    }
  }

  private static Message ask(ReverseDns server, String address, boolean tcp) throws IOException {
    SimpleResolver resolver = new SimpleResolver("127.0.0.1");
    resolver.setPort(Integer.parseInt(server.address().split(":", 2)[1]));
    resolver.setTCP(tcp);
    resolver.setTimeout(Duration.ofSeconds(5));
    Name name = ReverseMap.fromAddress(address);
    return resolver.send(Message.newQuery(Record.newRecord(name, Type.PTR, DClass.IN)));
  }
}
