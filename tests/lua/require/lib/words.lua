local words = { loaded = 0 }
words.loaded += 1
function words.shout(text)
  return string.upper(text)
end
return words
