package io.bianque.streams.symbol;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class StackMemoTest {
  private static final Stack STACK = Stack.resolved(List.of("kfree_skb+0x10"));

  private static StackKey key(String buildId, String object, long... offsets) {
    StackKey key = new StackKey();
    for (long offset : offsets) {
      assertThat(key.add(buildId, object, offset)).isTrue();
    }
    return key;
  }

  @Test
  void findsWhatWasKeptUnderACopyOfTheKey() {
    StackMemo memo = new StackMemo(1 << 20);
    StackKey key = key("k1", "vmlinux", 1, 2);
    memo.keep(key.copy(), STACK);
    key.clear();
    key.add("k1", "vmlinux", 1);

    assertThat(memo.find(key)).isNull();
    key.add("k1", "vmlinux", 2);
    assertThat(memo.find(key)).isSameAs(STACK);
  }

  @Test
  void anotherBuildObjectOrOrderIsAnotherStack() {
    StackMemo memo = new StackMemo(1 << 20);
    memo.keep(key("k1", "vmlinux", 1, 2).copy(), STACK);

    assertThat(memo.find(key("k2", "vmlinux", 1, 2))).isNull();
    assertThat(memo.find(key("k1", "vmlinux.init", 1, 2))).isNull();
    assertThat(memo.find(key("k1", "vmlinux", 2, 1))).isNull();
    StackKey mixed = key("k1", "vmlinux", 1);
    mixed.add("m1", "veth", 2);
    assertThat(memo.find(mixed)).isNull();
  }

  @Test
  void anOffsetThatNoTextHasMakesNoKey() {
    assertThat(new StackKey().add("k1", "vmlinux", 1L << 48)).isFalse();
    assertThat(new StackKey().add("k1", "vmlinux", -1)).isFalse();
  }

  @Test
  void forgetsTheStacksOfOneObjectAndNoOther() {
    StackMemo memo = new StackMemo(1 << 20);
    StackKey both = key("k1", "vmlinux", 1);
    both.add("m1", "veth", 2);
    memo.keep(both.copy(), STACK);
    memo.keep(key("k1", "vmlinux", 1).copy(), STACK);
    memo.keep(key("m2", "veth", 1).copy(), STACK);

    memo.forget("m1", "veth");

    assertThat(memo.find(both)).isNull();
    assertThat(memo.find(key("k1", "vmlinux", 1))).isSameAs(STACK);
    assertThat(memo.find(key("m2", "veth", 1))).isSameAs(STACK);
  }

  @Test
  void keepsNoMoreThanItHasRoomFor() {
    StackMemo memo = new StackMemo(100_000);
    for (int i = 0; i < 10_000; i++) {
      memo.keep(key("k1", "vmlinux", i).copy(), STACK);
    }
    assertThat(memo.size()).isBetween(100L, 300L);
  }

  @Test
  void stacksOfManyFramesAndObjectsHaveKeys() {
    StackMemo memo = new StackMemo(1 << 20);
    StackKey key = new StackKey();
    StackKey other = new StackKey();
    for (int i = 0; i < 127; i++) {
      key.add("m" + i, "module", 7);
      other.add("m" + i, "module", i == 126 ? 8 : 7);
    }
    memo.keep(key.copy(), STACK);

    assertThat(memo.find(key)).isSameAs(STACK);
    assertThat(memo.find(other)).isNull();
  }
}
