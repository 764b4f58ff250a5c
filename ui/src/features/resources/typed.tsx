// A text that lives in the address. What is typed is seen at once and put there a moment later, so that no letter is lost.
import { useEffect, useRef, useState, type Ref } from "react";
import { TextInput, type TextInputProps } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";

interface Props extends Omit<TextInputProps, "value" | "onChange"> {
  value: string;
  onChange: (value: string) => void;
  ref?: Ref<HTMLInputElement>;
}

const PAUSE = 160;

export function Typed({ value, onChange, ...props }: Props) {
  const [text, setText] = useState(value);
  const said = useRef(value);
  useEffect(() => {
    // What comes back is what was typed; anything else is from the address.
    if (value === said.current) return;
    said.current = value;
    setText(value);
  }, [value]);
  const say = useDebouncedCallback((next: string) => {
    said.current = next;
    onChange(next);
  }, PAUSE);
  return (
    <TextInput
      {...props}
      value={text}
      onChange={(event) => {
        setText(event.currentTarget.value);
        say(event.currentTarget.value);
      }}
    />
  );
}
