package io.bianque.streams.cache;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class LruMapTest {
  private final Map<String, Integer> map = new LruMap<>(3);

  @BeforeEach
  void fill() {
    map.put("a", 1);
    map.put("b", 2);
    map.put("c", 3);
  }

  @Test
  void keepsAsManyAsItMay() {
    assertThat(map).containsOnlyKeys("a", "b", "c");
  }

  @Test
  void oneMoreTakesThePlaceOfTheFirstWhenNoneWasUsed() {
    map.put("d", 4);

    assertThat(map).containsOnlyKeys("b", "c", "d");
  }

  @Test
  void whatWasReadStays() {
    assertThat(map.get("a")).isEqualTo(1);

    map.put("d", 4);

    assertThat(map).containsOnlyKeys("a", "c", "d");
  }

  @Test
  void whatWasWrittenAgainStaysAsItIsNow() {
    map.put("a", 5);

    map.put("d", 4);

    assertThat(map).containsOnly(Map.entry("a", 5), Map.entry("c", 3), Map.entry("d", 4));
  }

  @Test
  void aReadOfWhatIsNotThereKeepsNothing() {
    assertThat(map.get("d")).isNull();

    map.put("e", 5);

    assertThat(map).containsOnlyKeys("b", "c", "e");
  }
}
