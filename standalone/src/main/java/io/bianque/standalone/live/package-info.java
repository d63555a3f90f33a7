/**
 * A look into a running stack from outside its supervisor: its state file, lag, records of a topic.
 */
package io.bianque.standalone.live;
