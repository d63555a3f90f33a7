package io.bianque.streams.run;

import java.util.Map;
import org.apache.kafka.streams.state.RocksDBConfigSetter;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.Cache;
import org.rocksdb.LRUCache;
import org.rocksdb.Options;
import org.rocksdb.WriteBufferManager;

/**
 * One bound on the memory of all stores of the process. RocksDB's own default is per store: with
 * five stores a task it would be some 60 MB a task.
 */
public final class BoundedRocksDb implements RocksDBConfigSetter {
  /** Setting that says the bound, in bytes. */
  static final String BYTES = "bianque.rocksdb.bytes";

  private static Cache cache;
  private static WriteBufferManager writeBuffers;

  private static synchronized void share(long bytes) {
    if (cache == null) {
      // Write buffers count against the cache, so the cache's size is the bound of both.
      cache = new LRUCache(bytes);
      writeBuffers = new WriteBufferManager(bytes / 2, cache);
    }
  }

  @Override
  public void setConfig(String storeName, Options options, Map<String, Object> configs) {
    share(Long.parseLong(configs.get(BYTES).toString()));
    BlockBasedTableConfig tables = (BlockBasedTableConfig) options.tableFormatConfig();
    tables.setBlockCache(cache);
    tables.setCacheIndexAndFilterBlocks(true);
    tables.setPinTopLevelIndexAndFilter(true);
    options.setTableFormatConfig(tables);
    options.setWriteBufferManager(writeBuffers);
    options.setWriteBufferSize(1 << 20);
    options.setMaxWriteBufferNumber(2);
    // Its own log would be one file a store and start.
    options.setKeepLogFileNum(1);
  }

  /** The cache is every store's and lives as long as the process. */
  @Override
  public void close(String storeName, Options options) {}
}
