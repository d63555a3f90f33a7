package io.bianque.streams.symbol;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class StackHashTest {
  private static final List<String> STACK =
      List.of("kfree_skb+0x10", "tcp_v4_rcv+0x40", "veth_xmit+0x20 [veth]");

  /** Computed by another program, as a consumer may. */
  @Test
  void isFnv1aOfLines() {
    assertThat(StackHash.of(STACK))
        .isEqualTo(new StackHash("6c4e9d7e25f2a63e", "da32cdfcaaf2bc30"));
  }

  @ParameterizedTest
  @CsvSource({
    "kfree_skb+0x1234",
    "kfree_skb.isra.0+0x10",
    "kfree_skb.constprop.0.isra.0+0x10",
    "kfree_skb.part.0+0x10",
    "kfree_skb.cold+0x10",
    "kfree_skb.llvm.1234567+0x10",
  })
  void anotherBuildOfTheSameFunctionHasAnotherHashAndTheSameOfFunctions(String frame) {
    StackHash hash = StackHash.of(List.of(frame, STACK.get(1), STACK.get(2)));

    assertThat(hash.functions()).isEqualTo(StackHash.of(STACK).functions());
    assertThat(hash.frames()).isNotEqualTo(StackHash.of(STACK).frames());
  }

  @ParameterizedTest
  @CsvSource({
    "kfree_sk+0x10",
    "kfree_skb_reason+0x10",
    ".kfree_skb+0x10",
    ".other+0x10",
    "kfree_skb+0x10 [veth]",
  })
  void anotherFunctionHasOtherHashes(String frame) {
    StackHash hash = StackHash.of(List.of(frame, STACK.get(1), STACK.get(2)));

    assertThat(hash.functions()).isNotEqualTo(StackHash.of(STACK).functions());
    assertThat(hash.frames()).isNotEqualTo(StackHash.of(STACK).frames());
  }

  @Test
  void aNameThatBeginsWithADotKeepsWhatFollows() {
    assertThat(StackHash.of(List.of(".one+0x1")).functions())
        .isNotEqualTo(StackHash.of(List.of(".two+0x1")).functions());
  }

  @Test
  void whereAFrameEndsCounts() {
    assertThat(StackHash.of(List.of("ab+0x1", "c+0x1")).functions())
        .isNotEqualTo(StackHash.of(List.of("a+0x1", "bc+0x1")).functions());
  }
}
