package io.bianque.standalone.live;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import org.junit.jupiter.api.Test;

class FilterTest {

  private final JsonNode event =
      json(
          "{\"comm\":\"curl\",\"dport\":9,\"sk\":null,\"stack\":[\"tcp_v4_rcv+0x91\",\"ip_rcv\"]}");

  @Test
  void comparesTextAndNumbersAsTheyArePrinted() {
    assertThat(accepts("comm=curl")).isTrue();
    assertThat(accepts("dport=9")).isTrue();
    assertThat(accepts("dport=90")).isFalse();
    assertThat(accepts("comm!=curl")).isFalse();
  }

  @Test
  void aListAcceptsWhenOneOfItsItemsDoes() {
    assertThat(accepts("stack~tcp_v4_rcv")).isTrue();
    assertThat(accepts("stack=ip_rcv")).isTrue();
    assertThat(accepts("stack!=ip_rcv")).isFalse();
  }

  @Test
  void whatIsNotThereEqualsNothing() {
    assertThat(accepts("sk=null")).isFalse();
    assertThat(accepts("nothing=")).isFalse();
    assertThat(accepts("nothing!=x")).isTrue();
  }

  @Test
  void aValueMayHoldTheOperators() {
    assertThat(Filter.parse("a=b=c")).isEqualTo(new Filter("a", "=", "b=c"));
  }

  @Test
  void textWithoutOperatorIsRefusedWithTheSyntax() {
    assertThatThrownBy(() -> Filter.parse("comm"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("\"comm\"")
        .hasMessageContaining("field=value");
  }

  private boolean accepts(String filter) {
    return Filter.parse(filter).accepts(event);
  }

  private static JsonNode json(String text) {
    try {
      return new ObjectMapper().readTree(text);
    } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
      throw new IllegalArgumentException(e);
    }
  }
}
