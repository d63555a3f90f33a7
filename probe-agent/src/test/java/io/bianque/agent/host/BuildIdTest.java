package io.bianque.agent.host;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;

class BuildIdTest {

  @Property(tries = 2000)
  void anyBytesAreReadToTheirEnd(@ForAll byte[] notes) {
    assertThat(BuildId.find(notes)).isNotNull();
  }

  @Property(tries = 2000)
  void anySizesAreReadToTheirEnd(
      @ForAll List<@IntRange(max = 40) Integer> sizes, @ForAll int wild) {
    ByteBuffer notes = ByteBuffer.allocate(400 + 4 * sizes.size()).order(ByteOrder.nativeOrder());
    sizes.forEach(notes::putInt);
    notes.putInt(wild);

    assertThat(BuildId.find(notes.array())).isNotNull();
  }

  @Example
  void otherNotesAreSteppedOver() {
    ByteBuffer notes = ByteBuffer.allocate(60).order(ByteOrder.nativeOrder());
    notes.putInt(6).putInt(1).putInt(256).put(new byte[] {'L', 'i', 'n', 'u', 'x', 0, 0, 0});
    notes.put((byte) 7).put(new byte[3]);
    notes.putInt(4).putInt(2).putInt(3).put(new byte[] {'G', 'N', 'U', 0}).put(new byte[] {1, -1});

    assertThat(BuildId.find(notes.array())).contains("01ff");
  }
}
