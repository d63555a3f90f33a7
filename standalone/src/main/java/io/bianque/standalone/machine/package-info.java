/** What this machine must have before the stack is started, and what to say when it has not. */
package io.bianque.standalone.machine;
